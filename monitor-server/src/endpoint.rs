//! Where a server listens: a TCP address, or a Unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
