//! Fragments that a `macro_rules!` passes to the attribute and to the derives: items, types, visibilities, attributes, literals.

use std::future::Future;
use std::pin::Pin;

use monitor_core::testing::{Recorder, call, record, task};
use monitor_core::{MonitorError, MonitorLabel, TaskStatus, monitored};

use crate::drive::ready;

struct Store(u8);

trait Loads {
    fn loads(&self) -> u8;
    async fn waits(&self) -> u8;
}

macro_rules! block {
    ($type:ty, $($item:item)*) => {
        #[monitored]
        impl $type {
            $($item)*

            fn after(&self) -> u8 {
                self.0
            }
        }
    };
}

block! {
    Store,
    fn first(&self) -> Result<u8, String> {
        Ok(self.0)
    }
    const ONE: u8 = 1;
    #[monitored(task = "own")]
    pub(crate) async fn second(&self) -> u8 {
        self.0 + Self::ONE
    }
    #[monitored(skip)]
    fn left_alone(&self) -> u8 {
        self.0
    }
}

macro_rules! of_trait {
    ($trait:path, $type:ty, $($item:item)*) => {
        #[monitored(prefix = "Loads")]
        impl $trait for $type {
            $($item)*
        }
    };
}

/// One macro hands on to the next.
macro_rules! handed_on {
    ($type:ty, $($item:item)*) => {
        of_trait!(Loads, $type, $($item)*);
    };
}

handed_on! {
    Store,
    fn loads(&self) -> u8 {
        self.0
    }
    async fn waits(&self) -> u8 {
        self.0
    }
}

macro_rules! parts {
    ($own:meta, $(#[$attr:meta])* $vis:vis $name:ident<$life:lifetime>($pattern:pat => $type:ty) -> $result:ty $body:block) => {
        #[monitored]
        $(#[$attr])*
        $vis fn $name<$life>($pattern: $type) -> $result $body

        #[monitored]
        impl Store {
            $(#[$attr])*
            #[$own]
            $vis fn $name<$life>($pattern: $type) -> $result $body
        }
    };
}

parts! {
    monitored(method = "Own"),
    #[inline]
    pub(crate) parts<'a>((text, _) => (&'a str, &u8)) -> Result<&'a str, String> { Ok(text) }
}

#[test]
fn methods_from_a_macro_are_recorded() {
    let store = Store(1);
    let (_, recorded) = record(|| {
        ready(async {
            let _ = (
                store.first(),
                store.second().await,
                store.after(),
                store.left_alone(),
            );
            let _ = (store.loads(), store.waits().await);
            let _ = (parts(("x", &1)), Store::parts(("x", &1)));
        });
    });
    recorded.assert_exactly([
        call("Store::first").success(),
        call("Store::second").success(),
        call("Store::after").success(),
        call("Loads::loads").success(),
        call("Loads::waits").success(),
        call("parts").success(),
        call("Own").success(),
        task("own", TaskStatus::Ok),
    ]);
}

macro_rules! sums {
    ($sum:expr, $number:literal) => {
        struct Sums;

        #[monitored]
        impl Sums {
            const DOUBLE: u8 = $sum * 2;
            const POSITIVE: i8 = $number.abs();

            fn moved(&self) -> u8 {
                #![allow(unused_parens, reason = "a body with an attribute of its own")]
                $sum * 2
            }
        }

        #[monitored]
        fn boxed() -> Pin<Box<dyn Future<Output = u8>>> {
            let double = $sum * 2;
            Box::pin(async move { double })
        }

        #[monitored(request_size = $sum * 2)]
        fn measured() {}
    };
}

sums!(1 + 1, -1i8);

/// Under an attribute as without it: `$sum * 2` is no `1 + 1 * 2`.
#[test]
fn an_expression_from_a_macro_means_what_it_meant() {
    assert_eq!((Sums::DOUBLE, Sums::POSITIVE, Sums.moved()), (4, 1, 4));
    assert_eq!(ready(boxed()), 4);
    let ((), recorded) = record(measured);
    assert_eq!(recorded.observed("measured", "request_size"), [4.0]);
}

macro_rules! literals {
    ($method:literal, $task:literal, $health:literal, $error:literal, $low:literal, $high:literal, $max:literal) => {
        #[derive(Debug, MonitorError)]
        #[monitor(fallback = $error)]
        enum LiteralError {
            Fallback,
            #[monitor(error_type = $task)]
            Named,
        }

        #[derive(Debug, Clone, Copy, MonitorLabel)]
        enum LiteralLabel {
            #[monitor(name = $method)]
            Named,
        }

        #[monitored(
                                            method = $method,
                                            task = $task,
                                            expected($error, $task),
                                            buckets = [$low, $high],
                                            labels(kind = kind, capped(text = $error, max = $max)),
                                            request_size = $max,
                                            max_concurrency = $max,
                                        )]
        async fn with_literals(
            kind: LiteralLabel,
            fail: Option<LiteralError>,
        ) -> Result<(), LiteralError> {
            fail.map_or(Ok(()), Err)
        }

        #[monitored(health = $health, error_type = $error, ok_if = |kept| *kept == $health)]
        fn more_literals(kept: bool) -> bool {
            kept
        }
    };
}

literals!("Literals", "task", false, "OLD", 0.5, 2, 8);

#[test]
fn literals_from_a_macro_stand_in_every_argument() {
    let recorder = Recorder::builder().errors("ERROR", ["OLD", "task"]).build();
    recorder.scope_sync(|| {
        ready(async {
            for fail in [
                None,
                Some(LiteralError::Fallback),
                Some(LiteralError::Named),
            ] {
                let _ = with_literals(LiteralLabel::Named, fail).await;
            }
        });
        more_literals(true);
    });
    let labelled = || {
        call("Literals")
            .label("kind", "Literals")
            .label("text", "OLD")
    };
    recorder.recorded().assert_includes([
        labelled().success(),
        labelled().failure("OLD"),
        labelled().failure("task"),
        call("more_literals").failure("OLD"),
    ]);
}
