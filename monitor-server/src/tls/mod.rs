//! TLS: what is configured, and what serves it.
//!
//! The settings are read from the web configuration file, and checked, whether TLS can be served or not: with the cargo feature
//! `tls` by [`server`], without it by a [`Tls`] of which there is none, so that asking for it is an error that names the feature.
//! A [`Tls`] is one state of the files: a reload makes a new one, which later handshakes use.
#![cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "read and checked, but not served")
)]

#[cfg(feature = "tls")]
mod server;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Place;

#[cfg(feature = "tls")]
pub(crate) use self::server::Tls;
#[cfg(not(feature = "tls"))]
pub(crate) use self::without::Tls;

/// The settings of `tls_server_config`.
#[derive(Debug)]
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
    text: Option<String>,
    path: Option<PathBuf>,
}

impl Pem {
    pub(crate) fn inline(place: Place, text: String) -> Self {
        let (text, path) = (Some(text), None);
        Self { place, text, path }
    }

    pub(crate) fn file(place: Place, path: PathBuf) -> Self {
        let (text, path) = (None, Some(path));
        Self { place, text, path }
    }

    /// The text, if it is given directly.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The file it is in, if it is in one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => path.display().fmt(f),
            None => f.write_str("<secret>"),
        }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::{Pem, TlsSettings};
    use crate::access::Peer;
    use crate::connection::Stream;
    use crate::error::ConfigError;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Tls {}

    impl Tls {
        pub(crate) fn new(
            settings: &TlsSettings,
            _read: &mut dyn FnMut(&Pem) -> Result<Vec<u8>, ConfigError>,
        ) -> Result<Self, ConfigError> {
            Err(ConfigError::MissingFeature {
                place: settings.place.clone(),
                feature: "tls",
            })
        }

        pub(crate) fn weakens(&self, _before: &Self) -> bool {
            match *self {}
        }

        pub(crate) fn expiry(&self) -> Option<u64> {
            match *self {}
        }

        pub(crate) async fn accept(
            &self,
            _stream: Box<dyn Stream>,
            _peer: Peer,
        ) -> Option<(Box<dyn Stream>, bool)> {
            match *self {}
        }
    }
}
