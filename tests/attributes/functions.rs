// The functions that stand under `#[monitored]` and another attribute macro, in both orders. Each generation of macros
// includes this file with the macros it has under the names below; each file lists its own definitions.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use monitor_core::monitored;
use monitor_core::testing::{self, call};

use macros::{
    async_recursion, async_trait, cached, instrument, rstest, serial, tokio_main, tokio_test,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

fn next(number: u32) -> Result<u32, Refused> {
    number.checked_add(1).ok_or(Refused)
}

async fn load(number: u32) -> Result<u32, Refused> {
    next(number)
}

/// Runs a future that never waits.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// A module with functions that are not asynchronous, under these attributes, and a test that each is recorded.
macro_rules! sync_functions {
    ($name:ident: $(#[$($attr:tt)*])*) => {
        mod $name {
            use super::*;

            $(#[$($attr)*])*
            fn in_place(number: u32) -> u32 {
                let mut sum = 0;
                for number in 0..number {
                    sum += number;
                }
                sum
            }

            $(#[$($attr)*])*
            fn moved(number: u32) -> Result<u32, Refused> {
                let number = next(number)?;
                if number == 7 {
                    return Err(Refused);
                }
                Ok(number)
            }

            $(#[$($attr)*])*
            fn nothing(number: u32) {
                std::hint::black_box(number);
            }

            #[test]
            fn each_is_recorded() {
                let (_, recorded) = testing::record(|| (in_place(2), moved(1), moved(6), nothing(1)));
                recorded.assert_exactly([
                    call("in_place").success(),
                    call("moved").success(),
                    call("moved").failure("other"),
                    call("nothing").success(),
                ]);
            }
        }
    };
}

/// The same for asynchronous ones.
macro_rules! async_functions {
    ($name:ident: $(#[$($attr:tt)*])*) => {
        mod $name {
            use super::*;

            $(#[$($attr)*])*
            async fn in_place(number: u32) -> Result<u32, Refused> {
                load(number).await
            }

            $(#[$($attr)*])*
            async fn moved(number: u32) -> Result<u32, Refused> {
                let number = load(number).await?;
                if number == 7 {
                    return Err(Refused);
                }
                Ok(number)
            }

            $(#[$($attr)*])*
            async fn nothing(number: u32) {
                drop(load(number).await);
            }

            #[test]
            fn each_is_recorded() {
                let (_, recorded) = testing::record(|| {
                    ready(async { (in_place(2).await, moved(1).await, moved(6).await, nothing(1).await) })
                });
                recorded.assert_exactly([
                    call("in_place").success(),
                    call("moved").success(),
                    call("moved").failure("other"),
                    call("nothing").success(),
                ]);
            }
        }
    };
}

/// The same for methods of a monitored block.
macro_rules! methods {
    ($name:ident: $(#[$($attr:tt)*])*) => {
        mod $name {
            use super::*;

            struct Store(u32);

            #[monitored]
            impl Store {
                $(#[$($attr)*])*
                fn in_place(&self, number: u32) -> u32 {
                    self.0 + number
                }

                $(#[$($attr)*])*
                async fn waits(&self, number: u32) -> Result<u32, Refused> {
                    Ok(load(number).await? + self.0)
                }
            }

            #[test]
            fn each_is_recorded() {
                let store = Store(1);
                let (_, recorded) = testing::record(|| ready(async { (store.in_place(1), store.waits(1).await) }));
                recorded.assert_exactly([
                    call("Store::in_place").success(),
                    call("Store::waits").success(),
                ]);
            }
        }
    };
}

sync_functions!(instrument_below: #[monitored] #[instrument]);
sync_functions!(instrument_above: #[instrument] #[monitored]);
async_functions!(async_instrument_below: #[monitored] #[instrument]);
async_functions!(async_instrument_above: #[instrument] #[monitored]);
methods!(instrumented_methods: #[instrument(skip(self))]);
async_functions!(recursion_below: #[monitored] #[async_recursion]);
async_functions!(recursion_above: #[async_recursion] #[monitored]);

/// Functions that return a future.
mod futures {
    use super::*;

    #[monitored]
    #[instrument]
    fn above(number: u32) -> Pin<Box<dyn Future<Output = Result<u32, Refused>> + Send>> {
        Box::pin(async move { Ok(load(number).await? + 1) })
    }

    #[instrument]
    #[monitored]
    fn below(number: u32) -> Pin<Box<dyn Future<Output = Result<u32, Refused>> + Send>> {
        Box::pin(async move { load(number).await })
    }

    #[monitored]
    #[instrument]
    fn made_elsewhere(number: u32) -> impl Future<Output = Result<u32, Refused>> {
        load(number)
    }

    #[test]
    fn each_is_recorded() {
        let run = || ready(async { (above(1).await, below(1).await, made_elsewhere(1).await) });
        let (_, recorded) = testing::record(run);
        recorded.assert_exactly(
            ["above", "below", "made_elsewhere"].map(|method| call(method).success()),
        );
    }
}

/// A trait whose methods are asynchronous, and blocks that implement it.
mod traits {
    use super::*;

    #[async_trait]
    trait Loads {
        async fn loads(&self, number: u32) -> Result<u32, Refused>;

        #[monitored(labels(odd = number % 2 == 1))]
        async fn by_default(&self, number: u32) -> u32 {
            load(number).await.unwrap_or(0)
        }
    }

    struct Inside(u32);
    struct Above(u32);
    struct Below(u32);

    #[async_trait]
    impl Loads for Inside {
        #[monitored(method = "Inside::loads")]
        async fn loads(&self, number: u32) -> Result<u32, Refused> {
            Ok(load(number).await? + self.0)
        }
    }

    #[monitored]
    #[async_trait]
    impl Loads for Above {
        async fn loads(&self, number: u32) -> Result<u32, Refused> {
            Ok(load(number).await? + self.0)
        }
    }

    #[async_trait]
    #[monitored]
    impl Loads for Below {
        async fn loads(&self, number: u32) -> Result<u32, Refused> {
            let sum = load(self.0 + number).await;
            sum
        }
    }

    #[test]
    fn each_is_recorded() {
        let (_, recorded) = testing::record(|| {
            ready(async {
                (
                    Inside(1).loads(1).await,
                    Above(1).loads(1).await,
                    Below(1).loads(1).await,
                    Inside(1).by_default(1).await,
                )
            })
        });
        recorded.assert_exactly([
            call("Inside::loads").success(),
            call("Above::loads").success(),
            call("Below::loads").success(),
            call("by_default").label("odd", "true").success(),
        ]);
    }
}

/// Functions whose values are kept: a call that finds one is none where the cache is around it.
mod kept {
    use super::*;

    #[monitored]
    #[cached]
    fn above(number: u32) -> u32 {
        number + 1
    }

    #[cached]
    #[monitored]
    fn below(number: u32) -> u32 {
        number + 1
    }

    #[test]
    fn each_is_recorded() {
        let (_, recorded) = testing::record(|| (above(1), above(1), below(1)));
        assert!(recorded.calls("above") >= 1);
        assert_eq!(recorded.calls("below"), 1);
    }
}

/// Tests and programs: the only check is that they run.
mod tests {
    use super::*;

    #[monitored]
    #[tokio_main(flavor = "current_thread")]
    async fn main_above() -> Result<(), Refused> {
        load(1).await?;
        Ok(())
    }

    #[tokio_main(flavor = "current_thread")]
    #[monitored]
    async fn main_below() -> Result<(), Refused> {
        load(1).await.map(drop)
    }

    #[test]
    fn programs_are_recorded() {
        let (_, recorded) = testing::record(|| (main_above(), main_below()));
        recorded.assert_exactly([call("main_above").success(), call("main_below").success()]);
    }

    #[monitored]
    #[tokio_test]
    async fn waiting_above() {
        assert_eq!(load(1).await, Ok(2));
    }

    #[tokio_test]
    #[monitored]
    async fn waiting_below() -> Result<(), Refused> {
        assert_eq!(load(1).await?, 2);
        Ok(())
    }

    #[monitored]
    #[rstest]
    #[case(1, 2)]
    #[case(2, 3)]
    fn cases_above(#[case] number: u32, #[case] follower: u32) {
        assert_eq!(next(number), Ok(follower));
    }

    #[rstest]
    #[case(1, 2)]
    #[case(2, 3)]
    #[monitored]
    fn cases_below(#[case] number: u32, #[case] follower: u32) {
        assert_eq!(next(number), Ok(follower));
    }

    #[monitored]
    #[test_case::test_case(1, 2)]
    #[test_case::test_case(2, 3)]
    fn more_cases_above(number: u32, follower: u32) {
        assert_eq!(next(number), Ok(follower));
    }

    #[test_case::test_case(1, 2)]
    #[test_case::test_case(2, 3)]
    #[monitored]
    fn more_cases_below(number: u32, follower: u32) {
        assert_eq!(next(number), Ok(follower));
    }

    #[monitored]
    #[test]
    #[serial]
    fn one_by_one_above() {
        assert_eq!(next(1), Ok(2));
    }

    #[test]
    #[serial]
    #[monitored]
    fn one_by_one_below() -> Result<(), Refused> {
        assert_eq!(next(1)?, 2);
        Ok(())
    }
}
