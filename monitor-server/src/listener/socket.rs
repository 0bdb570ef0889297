//! Sockets to listen on: bound in the caller's thread, served in the server's.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

#[cfg(unix)]
use super::unix::{BoundUnix, UnixSocket};
use crate::access::Peer;
use crate::endpoint::Endpoint;
use crate::error::RunError;

/// What a connection is made of: TCP, a Unix socket, TLS on one of them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A socket that is bound, so that from now on clients can connect.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(BoundUnix),
}

/// Binds in the caller's thread, so that a taken port is the caller's error.
pub(crate) fn bind(endpoint: &Endpoint) -> Result<Bound, RunError> {
    bound(endpoint).map_err(|source| RunError::Bind {
        address: endpoint.clone(),
        source,
    })
}

fn bound(endpoint: &Endpoint) -> io::Result<Bound> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Tcp(listener))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => BoundUnix::bind(path).map(Bound::Unix),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// A socket that connections are taken from.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Socket {
    /// In the context of the runtime that will serve it.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(listener) => TcpListener::from_std(listener).map(Self::Tcp),
            #[cfg(unix)]
            Bound::Unix(listener) => UnixSocket::new(listener).map(Self::Unix),
        }
    }

    /// Where it listens, with the port that was chosen.
    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Endpoint::Tcp),
            #[cfg(unix)]
            Self::Unix(socket) => Ok(Endpoint::Unix(socket.path().to_owned())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer): (_, SocketAddr) = listener.accept().await?;
                // Answers are small or written in one go; waiting for more to send would only delay them.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), peer.into()))
            }
            #[cfg(unix)]
            Self::Unix(socket) => Ok((Box::new(socket.accept().await?), Peer::Unix)),
        }
    }
}
