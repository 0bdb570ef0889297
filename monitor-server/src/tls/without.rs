//! In place of TLS where the cargo feature is off: there is none, and asking for it is an error that says so.

use crate::access::Peer;
use crate::connection::Stream;
use crate::error::ConfigError;
use crate::tls::{Pem, TlsSettings};

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

    pub(crate) fn accept(
        &self,
        _stream: Box<dyn Stream>,
        _peer: Peer,
    ) -> std::future::Ready<Option<(Box<dyn Stream>, bool)>> {
        match *self {}
    }
}
