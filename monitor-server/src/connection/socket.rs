//! The socket that a connection reads from and writes to.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::listener::connection_table::{ConnectionSlot, SlotGuard};

/// The stream of a connection: TCP, a Unix socket, TLS on one of them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The socket of a connection as the HTTP library, or TLS, sees it: bytes that were read already are read again, and
/// whether the client takes the bytes that are written is noted in the slot, if there is one.
pub(super) struct Socket {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
    slot: Option<Arc<SlotGuard>>,
}

impl Socket {
    pub(super) fn new(
        stream: Box<dyn Stream>,
        read: Vec<u8>,
        slot: Option<Arc<SlotGuard>>,
    ) -> Self {
        Self { stream, read, slot }
    }

    fn note(&self, note: impl FnOnce(&mut ConnectionSlot)) {
        self.slot.as_ref().and_then(|slot| slot.note(note));
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let taken = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..taken]);
        // The last part gives the memory back too.
        self.read = self.read.split_off(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(|slot| slot.written(written.is_ready()));
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.note(|slot| slot.written(written.is_ready()));
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        // TLS keeps the end of an answer to itself, so that only here it shows that the client takes none of it.
        self.note(|slot| {
            slot.written(flushed.is_ready());
            if let Poll::Ready(Ok(())) = flushed {
                slot.flushed();
            }
        });
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Source;
    use crate::listener::connection_table::ConnectionTable;

    /// Takes all that is written and lets nothing go, as TLS does with the end of an answer whose client reads nothing.
    struct Keeps;

    impl AsyncRead for Keeps {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Keeps {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn it_is_noted_that_a_client_takes_nothing_of_what_is_kept_for_it() {
        let table = ConnectionTable::new(0, Arc::default());
        let slot = table.admit(Source::Unix).expect("room");
        let stream = Box::new(Keeps);
        let mut socket = Socket::new(stream, Vec::new(), Some(Arc::clone(&slot)));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        slot.note(ConnectionSlot::asked);
        let written = Pin::new(&mut socket).poll_write(&mut cx, b"the end");
        assert!(written.is_ready());
        let blocked = || slot.note(|slot| slot.blocked_for()).flatten();
        assert_eq!(blocked(), None);
        slot.note(ConnectionSlot::answered);
        assert!(Pin::new(&mut socket).poll_flush(&mut cx).is_pending());
        assert!(blocked().is_some());
    }
}
