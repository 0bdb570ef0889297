//! The queue of passwords to be checked: one at a time, and few that wait.
//!
//! A check takes tens of milliseconds of a core on purpose. Who floods the server with wrong passwords gets one core's worth
//! of them at most, and shares the waiting places with nobody who holds fewer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::access::Source;

/// How many wait at most.
const PLACES: usize = 4;

/// Who waits, and whether a check runs. Clones are the same queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    runs: bool,
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    source: Source,
    turn: oneshot::Sender<Turn>,
}

/// No place is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The right to check one password; the next one's turn begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Queue>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.next();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// All places are taken; or somebody else needed this one, and had taken fewer.
    pub(super) async fn turn(&self, source: Source) -> Result<Turn, Full> {
        let (turn, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            if !state.runs {
                state.runs = true;
                return Ok(Turn(Some(self.clone())));
            }
            state.waiting.retain(|waiter| !waiter.turn.is_closed());
            if state.waiting.len() >= PLACES && !state.displace_for(source) {
                return Err(Full);
            }
            state.waiting.push_back(Waiter { source, turn });
        }
        receiver.await.map_err(|_| Full)
    }

    /// Hands the turn on.
    fn next(&self) {
        loop {
            let waiter = {
                let mut state = self.state();
                let waiter = state.waiting.pop_front();
                state.runs = waiter.is_some();
                waiter
            };
            let Some(waiter) = waiter else { return };
            match waiter.turn.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It has left: the turn is still ours to hand on.
                Err(mut unused) => drop(unused.0.take()),
            }
        }
    }
}

impl State {
    /// Sends away the last to come of the source that holds most places, if that is more than this one would have then.
    fn displace_for(&mut self, newcomer: Source) -> bool {
        let held = |source| {
            self.waiting
                .iter()
                .filter(|waiter| waiter.source == source)
                .count()
        };
        let most = self.waiting.iter().map(|waiter| held(waiter.source)).max();
        let Some(most) = most.filter(|most| *most > held(newcomer) + 1) else {
            return false;
        };
        let noisiest = self
            .waiting
            .iter()
            .rposition(|waiter| held(waiter.source) == most);
        noisiest
            .and_then(|index| self.waiting.remove(index))
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;

    fn source(last: u8) -> Source {
        Source::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, Full>>>>;

    /// Begins to wait.
    async fn enters(queue: &Queue, from: u8) -> Waiting {
        let queue = queue.clone();
        let mut waiting: Waiting = Box::pin(async move { queue.turn(source(from)).await });
        assert!(now(&mut waiting).await.is_none(), "{from} waits");
        waiting
    }

    /// The outcome, if there is one already.
    async fn now(waiting: &mut Waiting) -> Option<Result<Turn, Full>> {
        std::future::poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn one_runs_four_wait_and_the_rest_is_sent_away() {
        let queue = Queue::default();
        let running = queue.turn(source(1)).await.expect("nobody runs");
        let mut waiting = Vec::new();
        for _ in 0..PLACES {
            waiting.push(enters(&queue, 1).await);
        }
        assert_eq!(queue.turn(source(1)).await.expect_err("full"), Full);
        drop(running);
        for one in &mut waiting {
            let turn = now(one).await.expect("its turn").expect("not sent away");
            drop(turn);
        }
        assert!(!queue.state().runs);
    }

    #[tokio::test]
    async fn who_holds_most_places_makes_room_for_who_holds_fewer() {
        let queue = Queue::default();
        let _running = queue.turn(source(1)).await.expect("nobody runs");
        let mut flood = Vec::new();
        for _ in 0..PLACES {
            flood.push(enters(&queue, 1).await);
        }
        let mut first = enters(&queue, 2).await;
        assert_eq!(
            now(&mut flood[3])
                .await
                .expect("sent away")
                .expect_err("full"),
            Full
        );
        // Two each would be no better than three and one.
        let mut second = enters(&queue, 3).await;
        assert_eq!(
            now(&mut flood[2])
                .await
                .expect("sent away")
                .expect_err("full"),
            Full
        );
        assert!(queue.turn(source(2)).await.is_err());
        assert!(queue.turn(source(1)).await.is_err());
        assert!(now(&mut first).await.is_none() && now(&mut second).await.is_none());
    }

    #[tokio::test]
    async fn who_leaves_gives_its_place_and_its_turn_away() {
        let queue = Queue::default();
        let running = queue.turn(source(1)).await.expect("nobody runs");
        let mut waiting = Vec::new();
        for _ in 0..PLACES {
            waiting.push(enters(&queue, 1).await);
        }
        drop(waiting.remove(1));
        let mut late = enters(&queue, 1).await;
        drop(running);
        // The turn was handed to the first, who leaves without having looked.
        drop(waiting.remove(0));
        drop(now(&mut waiting[0]).await.expect("its turn"));
        drop(now(&mut waiting[1]).await.expect("its turn"));
        drop(now(&mut late).await.expect("its turn"));
        assert!(queue.turn(source(1)).await.is_ok());
    }
}
