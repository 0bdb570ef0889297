//! Where a server listens, and the loop that accepts connections.
//!
//! [`bind`] runs in the caller's thread, so that a taken port is the caller's error; [`serve`] accepts from it until
//! the server stops. [`connection_table`] knows the open connections and chooses the one that makes room; [`pressure`]
//! acts at the limit of descriptors, and where pages take too much memory.
//!
//! At the limit of descriptors an accept fails at once and leaves the listener readable, so the loop makes room first
//! (it closes a connection that has not asked in time, or gives up the spare descriptor), and pauses where there is
//! none to make. When the server stops, the socket is closed first; requests being answered then have the grace.

pub(crate) mod connection_table;
mod pressure;
#[cfg(unix)]
mod unix;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use self::connection_table::ConnectionTable;
use self::pressure::SpareDescriptor;
#[cfg(unix)]
use self::unix::SocketFile;
use crate::access::{self, Peer};
use crate::connection::{self, ConnectionContext, Stream};
use crate::error::RunError;
use crate::process;
use crate::runtime::log::{LogThrottle, log};
use crate::self_metrics::Ending;

/// Where a server listens.
///
/// # Examples
///
/// ```
/// use monitor_server::{Endpoint, MonitorConfig};
///
/// let config = MonitorConfig::from_yaml("listen: unix:/run/text/monitor.sock")?;
/// assert_eq!(config.endpoint(), Endpoint::Unix("/run/text/monitor.sock".into()));
/// assert_eq!(config.endpoint().to_string(), "unix:/run/text/monitor.sock");
/// # Ok::<(), monitor_server::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// How a Unix socket is written in settings and messages.
pub(crate) const UNIX_PREFIX: &str = "unix:";

impl Endpoint {
    /// The address, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The socket's path, if it is one.
    pub fn unix(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl Endpoint {
    /// Its URL for a browser on this machine, where `localhost` stands for all addresses; a Unix socket has none, and
    /// is written as in settings.
    pub(crate) fn url(&self, is_tls: bool) -> String {
        let scheme = if is_tls { "https" } else { "http" };
        match self {
            Self::Tcp(address) if address.ip().is_unspecified() => {
                format!("{scheme}://localhost:{}/", address.port())
            }
            Self::Tcp(address) => format!("{scheme}://{address}/"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl PartialEq<SocketAddr> for Endpoint {
    fn eq(&self, address: &SocketAddr) -> bool {
        self.tcp() == Some(*address)
    }
}

/// A socket that connections are taken from.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// Binds in the caller's thread, so that a taken port is the caller's error, and in the context of the runtime that
/// will serve the socket. From now on clients can connect.
pub(crate) fn bind(endpoint: &Endpoint) -> Result<Socket, RunError> {
    let bound = match endpoint {
        Endpoint::Tcp(address) => listen(*address)
            .and_then(TcpListener::from_std)
            .map(Socket::Tcp),
        #[cfg(unix)]
        Endpoint::Unix(path) => unix::bind(path)
            .and_then(|(socket, file)| Ok(Socket::Unix(UnixListener::from_std(socket)?, file))),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    };
    bound.map_err(|source| RunError::Bind {
        address: endpoint.clone(),
        source,
    })
}

/// How many connections may wait to be accepted: as many as std has it.
const BACKLOG: i32 = 128;

/// Listens as std does it, but on `[::]` for both families with one socket, so that both have the same port, and a port
/// that is taken for one of them is an error. Where the machine has no IPv6, that is for IPv4 alone.
fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let is_everywhere = address.ip() == Ipv6Addr::UNSPECIFIED;
    let address = if is_everywhere && !has_ipv6() {
        (Ipv4Addr::UNSPECIFIED, address.port()).into()
    } else {
        // Of an IPv4 address written as IPv6 the kernel takes connections in some settings alone.
        access::canonical(address)
    };
    let (domain, protocol) = (Domain::for_address(address), Some(Protocol::TCP));
    let socket = socket2::Socket::new(domain, Type::STREAM, protocol)?;
    if is_everywhere && address.is_ipv6() {
        // Independent of the system's default (Linux: `net.ipv6.bindv6only`).
        if socket.set_only_v6(false).is_err() {
            return listen((Ipv4Addr::UNSPECIFIED, address.port()).into());
        }
    }
    // Connections of a server that has ended do not hold its port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether the machine has any IPv6 address: that of the loopback, or, where that alone has none, another. Where IPv6
/// is switched off the kernel may still give such a socket, whose address could not be connected to.
fn has_ipv6() -> bool {
    let others = || std::fs::read("/proc/net/if_inet6").is_ok_and(|listed| !listed.is_empty());
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() || others()
}

impl Socket {
    /// Where it listens, with the port that was chosen.
    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Endpoint::Tcp),
            #[cfg(unix)]
            Self::Unix(_, file) => Ok(Endpoint::Unix(file.path().to_owned())),
        }
    }

    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small or written in one go; waiting for more to send would only delay them.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), peer.into()))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => Ok((Box::new(listener.accept().await?.0), Peer::Unix)),
        }
    }
}

/// Pause after a failed accept: at the limit of descriptors each accept fails at once, and would spin. Also how long a
/// connection has to ask for something before its descriptor is given to another.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves until the server stops; then lets requests being answered come to their end, within the grace.
pub(crate) async fn serve(socket: Socket, context: Arc<ConnectionContext>) {
    let mut stop = context.stop.clone();
    let mut acceptor = Acceptor::new(Arc::clone(&context));
    let connections = Arc::clone(&acceptor.connections);
    let pages = Arc::clone(&context.server.renderer.held);
    let mut memory_pressure = std::pin::pin!(pressure::relieve_memory(connections, pages));
    loop {
        tokio::select! {
            biased;
            () = connection::stopped(&mut stop) => break,
            never = memory_pressure.as_mut() => match never {},
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Requests of earlier ones that are there are looked at before a newcomer could take their places:
                    // their tasks are woken first, and then read.
                    for _ in 0..2 {
                        tokio::task::yield_now().await;
                    }
                    acceptor.admit(stream, peer);
                }
                Err(error) => acceptor.failed(&error).await,
            },
            // It was given up, and there may be no next connection for a long time.
            () = tokio::time::sleep(ACCEPT_PAUSE), if acceptor.spare.is_given_up() => acceptor.spare.restore(),
        }
    }
    drop(socket);
    acceptor.connections.end(context.limits.stop_grace).await;
}

/// The state of the accept loop.
struct Acceptor {
    context: Arc<ConnectionContext>,
    connections: Arc<ConnectionTable>,
    spare: SpareDescriptor,
    failures: LogThrottle,
    refusals: LogThrottle,
}

impl Acceptor {
    fn new(context: Arc<ConnectionContext>) -> Self {
        let configured = context.limits.max_connections;
        let most = pressure::most_connections(configured, process::descriptor_limit());
        if configured != 0 && most < configured {
            let why = "fewer connections than configured: half of the descriptors are left to the service";
            log(move || tracing::warn!(configured, most, "{why}"));
        }
        let metrics = Arc::clone(&context.server.metrics);
        Self {
            context,
            connections: ConnectionTable::new(most, metrics),
            spare: SpareDescriptor::new(),
            failures: LogThrottle::default(),
            refusals: LogThrottle::default(),
        }
    }

    fn admit(&mut self, stream: Box<dyn Stream>, peer: Peer) {
        self.spare.restore();
        let context = &self.context;
        let counts = &context.server.metrics.connections;
        counts.accepted.add(1);
        if !context.networks.admit(peer) {
            counts.refused(Ending::Source);
            return;
        }
        let Some(slot) = self.connections.admit(peer.source()) else {
            counts.refused(Ending::Full);
            let why = "connection refused: all places are taken by busy ones";
            self.refusals
                .log(move |left_out| tracing::warn!(left_out, "{why}"));
            return;
        };
        let serving = connection::serve(stream, peer, Arc::clone(context), Arc::clone(&slot));
        let task = tokio::spawn(serving);
        slot.note(|slot| slot.task = Some(task.abort_handle()));
    }

    /// Makes room where there is no descriptor left, else waits: the listener stays readable, and accepting again at
    /// once would fail again at once.
    async fn failed(&mut self, error: &io::Error) {
        let counts = &self.context.server.metrics.connections;
        counts.failed.add(1);
        if pressure::is_of_one_connection(error) {
            return;
        }
        let why = error.to_string();
        self.failures.log(move |left_out| {
            tracing::warn!(error = %why, left_out, "accepting a connection failed");
        });
        let has_room = pressure::is_at_limit(error)
            && (self.connections.evict_for_descriptor(ACCEPT_PAUSE) || self.spare.release());
        if has_room {
            // The connection that was closed goes, and its descriptor with it, as the runtime gets to it.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests;
