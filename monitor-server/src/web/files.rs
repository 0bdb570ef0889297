//! The files that protection is read from, and what they held.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::auth::Fingerprint;
use crate::config::is_token;
use crate::error::{ConfigError, Place};
use crate::tls::Pem;

/// Larger than any of these files; what is larger is not read into memory.
const MOST_BYTES: u64 = 4 << 20;

/// Reads files, and takes the fingerprint of all that they held, so that a change is noticed whatever their times say.
#[derive(Debug, Default)]
pub(super) struct Files {
    digests: Vec<u8>,
    secret: Vec<PathBuf>,
}

impl Files {
    /// Of everything read so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.digests)
    }

    fn read(&mut self, path: &Path, place: Place) -> Result<Vec<u8>, ConfigError> {
        let read = || {
            let file = fs::metadata(path)?;
            // A pipe or a device could be read for ever.
            if !file.is_file() {
                let reason = "it is no regular file";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
            }
            if file.len() > MOST_BYTES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            fs::read(path)
        };
        self.note(path.as_os_str().as_encoded_bytes());
        match read() {
            Ok(content) => {
                self.note(&content);
                Ok(content)
            }
            Err(source) => {
                self.note(source.to_string().as_bytes());
                Err(ConfigError::Unreadable {
                    place,
                    file: path.to_owned(),
                    source,
                })
            }
        }
    }

    /// Digests of parts of one length: none runs into the next.
    fn note(&mut self, part: &[u8]) {
        Fingerprint::of(part).append_to(&mut self.digests);
    }

    pub(super) fn text(&mut self, path: &Path, place: Place) -> Result<String, ConfigError> {
        let content = self.read(path, place.clone())?;
        String::from_utf8(content).map_err(|error| ConfigError::Unusable {
            place,
            file: Some(path.to_owned()),
            source: error.utf8_error().into(),
        })
    }

    /// A certificate or key.
    pub(super) fn pem(&mut self, pem: &Pem) -> Result<Vec<u8>, ConfigError> {
        match (pem.text(), pem.path()) {
            (Some(text), _) => Ok(text.as_bytes().to_vec()),
            (None, path) => self.read(path.unwrap_or(Path::new("")), pem.place.clone()),
        }
    }

    /// The tokens in a file, one a line.
    pub(super) fn tokens(&mut self, path: &Path) -> Result<Vec<Fingerprint>, ConfigError> {
        let place = super::place("bearer_token_file");
        let text = self.text(path, place.clone())?;
        let unusable = |reason: &str| ConfigError::Unusable {
            place: place.clone(),
            file: Some(path.to_owned()),
            source: reason.into(),
        };
        let lines = text.lines().map(str::trim);
        let given = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let token = |line: &str| {
            let token = is_token(line).then(|| Fingerprint::of(line.as_bytes()));
            token.ok_or_else(|| unusable("a token has at least 16 visible ASCII characters"))
        };
        let tokens: Vec<_> = given.map(token).collect::<Result<_, _>>()?;
        if tokens.is_empty() {
            return Err(unusable("there is no token in it"));
        }
        self.holds_secret(path);
        Ok(tokens)
    }

    /// Notes a file that nobody else should read.
    pub(super) fn holds_secret(&mut self, path: &Path) {
        self.secret.push(path.to_owned());
    }

    /// A secret that everybody on the machine may read is worth a warning, and no more: there are systems that need it so.
    pub(super) fn warn(&self) {
        for path in self.secret.iter().filter(|path| others_may_read(path)) {
            tracing::warn!(file = %path.display(), "everybody on this machine may read the secret in this file");
        }
    }
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_path: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_noticed() {
        let name = format!("monitor-files-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "secret").expect("written");
        for (mode, expected) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(others_may_read(&path), expected, "{mode:o}");
        }
        fs::remove_file(&path).expect("ours");
        assert!(!others_may_read(&path));
    }
}
