//! TLS: what is configured, and (with the cargo feature `tls`) what serves it.

#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod clients;
#[cfg(feature = "tls")]
mod server;
#[cfg(not(feature = "tls"))]
mod without;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Place;

#[cfg(feature = "tls")]
pub(crate) use self::server::Tls;
#[cfg(not(feature = "tls"))]
pub(crate) use self::without::Tls;

/// What `tls_server_config` says.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "read and checked, but not served")
)]
pub(crate) struct TlsSettings {
    pub(crate) place: Place,
    pub(crate) cert: Pem,
    pub(crate) key: Pem,
    pub(crate) client_ca: Option<Pem>,
    pub(crate) client_auth: ClientAuth,
    /// Names of which a client certificate must have one; `None` is any.
    pub(crate) allowed_sans: Option<Vec<String>>,
    pub(crate) min: Version,
    pub(crate) max: Version,
    pub(crate) ciphers: Vec<(String, Place)>,
    pub(crate) curves: Vec<(String, Place)>,
    pub(crate) leaves_order_to_client: bool,
}

/// What is asked of clients. Later ones ask for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientAuth {
    None,
    /// A certificate that is presented has to be right.
    IfGiven,
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// A certificate or a key in PEM, or the file it is in.
pub(crate) struct Pem {
    pub(crate) place: Place,
    content: Content,
}

enum Content {
    Inline(String),
    File(PathBuf),
}

impl Pem {
    pub(crate) fn inline(place: Place, text: String) -> Self {
        let content = Content::Inline(text);
        Self { place, content }
    }

    pub(crate) fn file(place: Place, path: PathBuf) -> Self {
        let content = Content::File(path);
        Self { place, content }
    }

    /// The text, if it is given directly.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Inline(text) => Some(text),
            Content::File(_) => None,
        }
    }

    /// The file it is in, if it is in one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.content {
            Content::Inline(_) => None,
            Content::File(path) => Some(path),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str("<secret>"),
        }
    }
}
