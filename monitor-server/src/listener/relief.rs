//! Relief of memory: connections whose clients take nothing hold pages, and are cut off when these take too much.

use std::convert::Infallible;
use std::time::Duration;

use super::seats::Connections;
use crate::render::HeldPages;

/// How long a client may take nothing while memory is short. Networks may need longer for a packet: those that take nothing for
/// longest go first, of the address that has most of them.
const PATIENCE: Duration = Duration::from_millis(20);

/// Between two looks where nobody could be cut off.
const PAUSE: Duration = Duration::from_millis(5);

/// Cuts off one connection after the other while pages take more than they may.
pub(super) async fn relieve(connections: Connections, pages: &HeldPages) -> Infallible {
    loop {
        pages.too_many().await;
        if connections.evict_for_memory(PATIENCE) {
            // Its page goes as the runtime gets to it.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
