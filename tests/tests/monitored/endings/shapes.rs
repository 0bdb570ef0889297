//! Monitored functions of every asynchronous shape, all with the same body as far as their shape allows.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use monitor_core::{MonitorLabel, monitored};
use tokio::task::yield_now;

use super::ways::{Needs, Way};

/// The behaviour of the body.
#[derive(Clone, Copy, PartialEq, Eq, MonitorLabel)]
pub(super) enum What {
    Ends,
    EndsAtOnce,
    Fails,
    PanicsAtOnce,
    PanicsInAwait,
    PanicsAfterAwait,
    CatchesAPanic,
    Waits,
}

pub(super) struct Refused;

pub(super) type Answer = Result<(), Refused>;

pub(super) type Made = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) type Make = fn(What) -> Made;

/// The step that each body awaits.
async fn step(what: What) -> Answer {
    match what {
        What::EndsAtOnce => return Ok(()),
        What::PanicsAtOnce => panic!("on purpose"),
        _ => yield_now().await,
    }
    match what {
        What::Fails => Err(Refused),
        What::PanicsInAwait => panic!("on purpose"),
        What::Waits => pending().await,
        _ => Ok(()),
    }
}

/// The step of each body after that.
fn after(what: What) {
    match what {
        What::PanicsAfterAwait => panic!("on purpose"),
        What::CatchesAPanic => {
            assert!(catch_unwind(AssertUnwindSafe(|| panic!("on purpose"))).is_err());
        }
        _ => {}
    }
}

async fn both(what: What) -> Answer {
    let answer = step(what).await;
    after(what);
    answer
}

pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) make: Make,
    pub(super) waits_for_a_permit: bool,
    /// Whether it never returns.
    never: bool,
}

impl Shape {
    pub(super) fn can_end(&self, way: &Way) -> bool {
        match way.needs {
            Needs::Value => !self.never && !self.waits_for_a_permit,
            Needs::Body => !self.waits_for_a_permit,
            Needs::Nothing => true,
        }
    }
}

mod in_place {
    use super::*;

    #[monitored]
    pub(super) async fn plain(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn one_expression(what: What) -> Answer {
        both(what).await
    }

    #[monitored]
    pub(super) async fn awaits_twice(what: What) -> Answer {
        first(
            (step(what).await, step(What::EndsAtOnce).await),
            after(what),
        )
    }

    fn first(answers: (Answer, Answer), (): ()) -> Answer {
        answers.0
    }

    #[monitored]
    pub(super) async fn given<F: Future<Output = Answer>>(future: F) -> Answer {
        future.await
    }

    struct Holds<F> {
        inner: (F, u8),
    }

    #[monitored]
    pub(super) async fn of_a_field(what: What) -> Answer {
        let holds = Holds {
            inner: (both(what), 1),
        };
        holds.inner.0.await
    }

    #[monitored]
    pub(super) async fn loops(what: What) -> Answer {
        let mut answer = Ok(());
        for _ in 0..1 {
            answer = match what {
                What::Ends => step(what).await,
                _ if step(what).await.is_err() => Err(Refused),
                _ => Ok(()),
            };
        }
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn blocks_inside(what: What) -> Answer {
        let later = async move { step(what).await };
        let answer = async { later.await }.await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn futures_inside(what: What) -> Answer {
        let answers = futures_util::future::join_all([step(what), step(what)]).await;
        after(what);
        answers.into_iter().collect()
    }

    #[monitored]
    pub(super) async fn closures_inside(what: What) -> Answer {
        let later = async |what: What| -> Answer { step(what).await };
        let answer = later(what).await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn items_inside(what: What) -> Answer {
        async fn inner(what: What) -> Answer {
            step(what).await
        }
        let answer = inner(what).await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn turbofish(what: What) -> Answer {
        let answer = Box::pin(step(what)).as_mut().await;
        after(what);
        std::future::ready::<Answer>(answer).await
    }

    #[monitored]
    pub(super) async fn by_a_match(what: What) -> Answer {
        let answer = match what {
            what => step(what),
        }
        .await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn in_a_macro(what: What) -> Answer {
        let answers = vec![step(what).await];
        after(what);
        answers.into_iter().collect()
    }

    #[monitored]
    pub(super) async fn recursive(what: What, depth: u8) -> Answer {
        match depth {
            0 => both(what).await,
            _ => inner_of_recursive(what).await,
        }
    }

    #[monitored(method = "inner")]
    async fn inner_of_recursive(what: What) -> Answer {
        Box::pin(recursive_unmonitored(what)).await
    }

    async fn recursive_unmonitored(what: What) -> Answer {
        both(what).await
    }
}

mod wrapped {
    use super::*;

    #[monitored]
    pub(super) async fn question_mark(what: What) -> Answer {
        step(what).await?;
        after(what);
        Ok(())
    }

    #[monitored]
    pub(super) async fn returns(what: What) -> Answer {
        if step(what).await.is_err() {
            return Err(Refused);
        }
        after(what);
        Ok(())
    }

    #[monitored]
    pub(super) async fn joins(what: What) -> Answer {
        let (answer, ()) = tokio::join!(step(what), async {});
        after(what);
        answer
    }
}

mod arguments {
    use super::*;

    #[monitored(call = call)]
    pub(super) async fn with_call(what: What) -> Answer {
        call.observe("tokens", 1.0);
        let answer = step(what).await;
        call.observe("tokens", 2.0);
        after(what);
        answer
    }

    #[monitored(call = call)]
    pub(super) async fn lends_its_call(what: What) -> Answer {
        borrows(what, call).await
    }

    async fn borrows(what: What, call: &mut monitor_core::CallGuard) -> Answer {
        let answer = step(what).await;
        call.observe("tokens", 2.0);
        after(what);
        answer
    }

    #[monitored(call = call)]
    pub(super) async fn with_call_and_question_mark(what: What) -> Answer {
        step(what).await?;
        call.observe("tokens", 2.0);
        after(what);
        Ok(())
    }

    #[monitored(max_concurrency = workers)]
    pub(super) async fn limited(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    #[monitored(max_concurrency = 2)]
    pub(super) async fn limited_by_a_number(what: What) -> Answer {
        both(what).await
    }

    #[monitored(max_concurrency = workers)]
    pub(super) async fn limited_with_question_mark(what: What) -> Answer {
        step(what).await?;
        after(what);
        Ok(())
    }

    #[monitored(max_concurrency = workers, call = call)]
    pub(super) async fn limited_with_call(what: What) -> Answer {
        let answer = step(what).await;
        call.observe("tokens", 2.0);
        after(what);
        answer
    }

    #[monitored(labels(what = what))]
    pub(super) async fn labelled(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    #[monitored(labels(what = what), request_size = 5_u64, deadline = left)]
    pub(super) async fn measured(what: What, left: Duration) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    #[monitored(ok_if = |answer: &Answer| answer.is_ok(), response_size = |_| 8_u64)]
    pub(super) async fn judged(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }
}

mod never {
    use super::*;

    #[monitored]
    pub(super) async fn never(what: What) -> ! {
        _ = step(what).await;
        after(what);
        pending().await
    }

    #[monitored]
    pub(super) async fn never_in_a_macro(what: What) -> ! {
        loop {
            tokio::select! {
                _ = step(what) => after(what),
            }
        }
    }

    #[monitored]
    pub(super) async fn never_unclear(what: What) -> ! {
        let answers = vec![step(what).await];
        after(what);
        drop(answers);
        pending().await
    }

    #[monitored(call = call)]
    pub(super) async fn never_with_call(what: What) -> ! {
        _ = step(what).await;
        call.observe("tokens", 1.0);
        after(what);
        pending().await
    }

    #[monitored(max_concurrency = workers, call = call)]
    pub(super) async fn never_limited(what: What) -> ! {
        _ = tokio::join!(step(what), async {});
        call.observe("tokens", 1.0);
        after(what);
        pending().await
    }
}

mod returned {
    use super::*;

    pub(super) type Boxed = Pin<Box<dyn Future<Output = Answer> + Send>>;

    #[monitored]
    pub(super) fn boxed(what: What) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let _statement = 1;
        Box::pin(async move {
            let answer = step(what).await;
            after(what);
            answer
        })
    }

    #[monitored]
    pub(super) fn boxed_early(what: What) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        if what == What::Fails {
            return Box::pin(step(what));
        }
        Box::pin(both(what))
    }

    #[monitored(future)]
    pub(super) fn hidden(what: What) -> Boxed {
        Box::pin(both(what))
    }

    #[monitored]
    pub(super) fn unpin(what: What) -> Box<dyn Future<Output = Answer> + Send + Unpin> {
        Box::new(Box::pin(both(what)))
    }

    #[monitored]
    #[expect(clippy::manual_async_fn, reason = "a shape of its own")]
    pub(super) fn one_block(what: What) -> impl Future<Output = Answer> + Send {
        async move {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    #[monitored]
    pub(super) fn block_with_question_mark(what: What) -> impl Future<Output = Answer> + Send {
        async move {
            step(what).await?;
            after(what);
            Ok(())
        }
    }

    #[monitored]
    pub(super) fn tail(what: What) -> impl Future<Output = Answer> + Send {
        let _statement = 1;
        async move {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    #[monitored]
    pub(super) fn made_elsewhere(what: What) -> impl Future<Output = Answer> + Send {
        both(what)
    }

    #[monitored(max_concurrency = workers)]
    pub(super) fn limited_future(what: What) -> impl Future<Output = Answer> + Send {
        both(what)
    }

    #[monitored(max_concurrency = workers)]
    pub(super) fn limited_box(what: What) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        Box::pin(async move { both(what).await })
    }

    #[monitored(call = call)]
    pub(super) fn tail_with_call(what: What) -> impl Future<Output = Answer> + Send {
        async move {
            let answer = step(what).await;
            call.observe("tokens", 1.0);
            after(what);
            answer
        }
    }
}

mod blocks {
    use super::*;

    pub(super) struct Store;

    #[monitored]
    impl Store {
        pub(super) async fn method(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }

        pub(super) async fn consumes(self, what: What) -> Answer {
            step(what).await?;
            after(what);
            Ok(())
        }
    }

    pub(super) trait Native {
        fn native(&self, what: What) -> impl Future<Output = Answer> + Send;
    }

    impl Native for Store {
        #[monitored]
        async fn native(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    #[async_trait::async_trait]
    pub(super) trait Remote {
        async fn remote(&self, what: What) -> Answer;

        #[monitored]
        async fn remote_default(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    #[async_trait::async_trait]
    impl Remote for Store {
        #[monitored]
        async fn remote(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    pub(super) struct Below;

    #[monitored]
    #[async_trait::async_trait]
    impl Remote for Below {
        async fn remote(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }
    }

    pub(super) struct Above;

    #[async_trait::async_trait]
    #[monitored]
    impl Remote for Above {
        async fn remote(&self, what: What) -> Answer {
            let answer = step(what).await;
            after(what);
            answer
        }
    }
}

mod nested {
    use super::*;

    #[monitored]
    pub(super) async fn outer(what: What) -> Answer {
        inner(what).await
    }

    #[monitored]
    pub(super) async fn inner(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    #[monitored]
    pub(super) async fn outer_of_wrapped(what: What) -> Answer {
        inner_wrapped(what).await
    }

    #[monitored]
    pub(super) async fn inner_wrapped(what: What) -> Answer {
        step(what).await?;
        after(what);
        Ok(())
    }

    #[monitored]
    pub(super) async fn beside(what: What) -> Answer {
        futures_util::future::join(inner_beside(what), pending_unless_over(what))
            .await
            .0
    }

    #[monitored]
    pub(super) async fn inner_beside(what: What) -> Answer {
        let answer = step(what).await;
        after(what);
        answer
    }

    async fn pending_unless_over(_: What) {}
}

mod streams {
    use super::*;

    /// A stream of one future's result.
    pub(super) struct One(Option<Pin<Box<dyn Future<Output = Answer> + Send>>>);

    impl Stream for One {
        type Item = Answer;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
            let Some(future) = &mut self.0 else {
                return Poll::Ready(None);
            };
            let item = ready!(future.as_mut().poll(cx));
            self.0 = None;
            Poll::Ready(Some(item))
        }
    }

    fn one(what: What) -> One {
        One(Some(Box::pin(both(what))))
    }

    pub(super) async fn read(stream: impl Stream<Item = Answer>) {
        let mut stream = Box::pin(stream);
        while poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some() {}
    }

    #[monitored]
    pub(super) fn stream(what: What) -> impl Stream<Item = Answer> + Send {
        one(what)
    }

    #[monitored]
    pub(super) fn boxed_stream(what: What) -> Pin<Box<dyn Stream<Item = Answer> + Send>> {
        Box::pin(one(what))
    }

    #[monitored]
    pub(super) async fn later_stream(what: What) -> impl Stream<Item = Answer> + Send {
        std::future::ready(()).await;
        one(what)
    }

    /// Waits before it returns a stream.
    #[monitored]
    pub(super) async fn waits_for_its_stream(what: What) -> impl Stream<Item = Answer> + Send {
        let answer = step(what).await;
        after(what);
        One(Some(Box::pin(std::future::ready(answer))))
    }
}

pub(super) type Unread = Pin<Box<dyn Stream<Item = Answer> + Send>>;

/// A monitored stream, not polled yet.
pub(super) fn unread_stream() -> Unread {
    let mut stream = Box::pin(streams::later_stream(What::Waits));
    let poll = stream
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    match poll {
        Poll::Ready(stream) => Box::pin(stream),
        Poll::Pending => panic!("nothing to wait for"),
    }
}

macro_rules! shapes {
    ($($make:expr, $name:ident $(as $method:literal)? $(, $mark:ident)?;)*) => {
        vec![$(Shape {
            name: stringify!($name),
            method: shapes!(@method $name $($method)?),
            make: |what| Box::pin(async move { shapes!(@run what, $make) }),
            waits_for_a_permit: shapes!(@is waits $($mark)?),
            never: shapes!(@is never $($mark)?),
        }),*]
    };
    (@method $name:ident) => { stringify!($name) };
    (@method $name:ident $method:literal) => { $method };
    (@run $what:ident, $make:expr) => { _ = $make($what).await };
    (@is waits waits) => { true };
    (@is never never) => { true };
    (@is $($other:ident)*) => { false };
}

/// All of them.
pub(super) fn shapes() -> Vec<Shape> {
    let mut shapes = functions();
    shapes.extend(with_arguments());
    shapes.extend(others());
    shapes
}

fn functions() -> Vec<Shape> {
    use in_place::*;
    use wrapped::*;
    shapes! {
        plain, plain;
        one_expression, one_expression;
        awaits_twice, awaits_twice;
        |what| given(both(what)), given;
        of_a_field, of_a_field;
        loops, loops;
        blocks_inside, blocks_inside;
        futures_inside, futures_inside;
        closures_inside, closures_inside;
        items_inside, items_inside;
        turbofish, turbofish;
        by_a_match, by_a_match;
        in_a_macro, in_a_macro;
        |what| recursive(what, 1), recursive;
        |what| recursive(what, 1), inner_of_recursive as "inner";
        question_mark, question_mark;
        returns, returns;
        joins, joins;
        nested::outer, outer;
        nested::outer, inner_of_outer as "inner";
        nested::outer_of_wrapped, outer_of_wrapped;
        nested::outer_of_wrapped, inner_wrapped;
        nested::beside, beside;
        nested::beside, inner_beside;
    }
}

fn with_arguments() -> Vec<Shape> {
    use arguments::*;
    shapes! {
        with_call, with_call;
        lends_its_call, lends_its_call;
        with_call_and_question_mark, with_call_and_question_mark;
        limited, limited;
        limited_by_a_number, limited_by_a_number;
        limited_with_question_mark, limited_with_question_mark;
        limited_with_call, limited_with_call;
        limited, limited_waiting as "limited", waits;
        limited_with_question_mark, question_mark_waiting as "limited_with_question_mark", waits;
        limited_with_call, call_waiting as "limited_with_call", waits;
        labelled, labelled;
        |what| measured(what, Duration::from_secs(1)), measured;
        judged, judged;
        returned::limited_future, limited_future;
        returned::limited_future, future_waiting as "limited_future", waits;
        returned::limited_box, limited_box;
        returned::limited_box, box_waiting as "limited_box", waits;
        returned::tail_with_call, tail_with_call;
    }
}

fn others() -> Vec<Shape> {
    use blocks::*;
    use returned::*;
    let mut shapes = shapes! {
        boxed, boxed;
        boxed_early, boxed_early;
        hidden, hidden;
        unpin, unpin;
        one_block, one_block;
        block_with_question_mark, block_with_question_mark;
        tail, tail;
        made_elsewhere, made_elsewhere;
        |what| async move { Store.method(what).await }, method as "Store::method";
        |what| Store.consumes(what), consumes as "Store::consumes";
        |what| async move { Store.native(what).await }, native;
        |what| async move { Store.remote(what).await }, remote;
        |what| async move { Store.remote_default(what).await }, remote_default;
        |what| async move { Below.remote(what).await }, below as "Below::remote";
        |what| async move { Above.remote(what).await }, above as "Above::remote";
        |what| streams::read(streams::stream(what)), stream;
        |what| streams::read(streams::boxed_stream(what)), boxed_stream;
        |what| async move { streams::read(streams::later_stream(what).await).await }, later_stream;
        |what| async move { streams::read(streams::waits_for_its_stream(what).await).await },
            waits_for_its_stream;
    };
    shapes.extend(shapes! {
        never::never, never, never;
        never::never_in_a_macro, never_in_a_macro, never;
        never::never_unclear, never_unclear, never;
        never::never_with_call, never_with_call, never;
        never::never_limited, never_limited, never;
        never::never_limited, never_waiting as "never_limited", waits;
    });
    shapes
}
