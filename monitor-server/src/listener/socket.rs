//! Sockets to listen on: bound in the caller's thread, served in the server's.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Type};
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
            let listener = listen(*address)?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Tcp(listener))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => BoundUnix::bind(path).map(Bound::Unix),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        return listen_everywhere(address.port());
    }
    // Of an IPv4 address written as IPv6 the kernel takes connections in some settings alone.
    let ip = address.ip().to_canonical();
    if ip == address.ip() {
        std::net::TcpListener::bind(address)
    } else {
        std::net::TcpListener::bind((ip, address.port()))
    }
}

/// Listens for both families with one socket, so that both have the same port, and a port that is taken for one of them is
/// an error. Where the machine has no IPv6, for IPv4 alone.
fn listen_everywhere(port: u16) -> io::Result<std::net::TcpListener> {
    let Some(socket) = dual_stack().ok().filter(|_| has_ipv6()) else {
        return std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    };
    // As std does it: connections of a server that has ended do not hold its port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// How many connections may wait to be accepted: as many as std has it.
const BACKLOG: i32 = 128;

/// A socket that takes IPv4 too, whatever the system's default (Linux: `net.ipv6.bindv6only`) is.
fn dual_stack() -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(false)?;
    Ok(socket)
}

/// Whether the machine has any IPv6 address: that of the loopback, or, where that alone has none, another. Where IPv6 is
/// switched off the kernel may still give such a socket, and the address that it tells could not be connected to.
fn has_ipv6() -> bool {
    let others = || std::fs::read("/proc/net/if_inet6").is_ok_and(|listed| !listed.is_empty());
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() || others()
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
