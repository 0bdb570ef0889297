//! What protects the server: TLS, credentials and headers, from files that are watched.
//!
//! [`AccessControl`] has the settings and the [`SecurityState`] that is in force, which connections and requests take
//! as one: a reload puts a whole new one in its place. It takes over what is good and stronger, or as strong; it never
//! opens the server. What cannot be read, is no valid file, or lacks a protection that was in force (as a file does
//! that is half written) leaves everything as it was.
//!
//! The files are looked at twice a second, by the server's own task ([`AccessControl::watch`]) or, where the routes are
//! mounted in another server, by the requests themselves. Reading may block, so it is a job of the pool; one look runs
//! at a time, and has the lock of `looked` for as long. That a file changed is seen by a digest of all that was read,
//! whatever its times say.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::access::{self, Access, AuthOutcome, Client, Networks, RouteAccess, Source};
use crate::auth::{Authenticator, Fingerprint, Secrets};
#[cfg(feature = "auth")]
use crate::config::is_token;
use crate::config::{Security, WebFile};
use crate::error::{Chain, ConfigError, Origin, Place};
use crate::runtime::pool::Pool;
use crate::self_metrics::SelfMetrics;
use crate::tls::{Pem, Tls};

/// How often the files are looked at: a password that was taken away is to be refused within a second.
const LOOK: Duration = Duration::from_millis(500);

/// Larger than any of these files; what is larger is not read into memory.
const MOST_BYTES: u64 = 4 << 20;

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct SecurityState {
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) tls: Option<Tls>,
}

/// Keeps the protection of a server up to date, and applies it.
#[derive(Debug)]
pub(crate) struct AccessControl {
    security: Security,
    current: RwLock<Arc<SecurityState>>,
    /// What the files last held, good or bad.
    seen: Mutex<Fingerprint>,
    auth: Authenticator,
    /// The server's: looks run on it.
    pub(crate) pool: Pool,
    /// When the files were looked at last; locked while they are.
    looked: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

impl AccessControl {
    /// Loads what the settings name.
    pub(crate) fn load(security: &Security) -> Result<Self, ConfigError> {
        // The service may change its current directory.
        let security = security.clone().made_absolute();
        let (state, seen) = load_first(&security)?;
        Ok(Self::new(security, state, seen))
    }

    /// The same where no error can be returned: no client is let in then, but for probes.
    pub(crate) fn load_or_lock(security: &Security) -> Self {
        Self::load(security).unwrap_or_else(|error| {
            let error = Chain(&error);
            tracing::error!(%error, "the monitor server's protection cannot be loaded: nobody is let in");
            let locked = SecurityState {
                secrets: Arc::new(Secrets::locked()),
                ..SecurityState::default()
            };
            let security = security.clone().made_absolute();
            Self::new(security, locked, Files::default().fingerprint())
        })
    }

    /// Where it is locked, loads again, and returns what goes wrong.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.current().secrets.are_locked() {
            let (state, seen) = load_first(&self.security)?;
            self.replace(state)?;
            self.note(seen);
        }
        Ok(())
    }

    fn new(security: Security, state: SecurityState, seen: Fingerprint) -> Self {
        let pool = Pool::default();
        Self {
            security,
            current: RwLock::new(Arc::new(state)),
            seen: Mutex::new(seen),
            auth: Authenticator::new(pool.clone()),
            pool,
            looked: Arc::default(),
        }
    }

    pub(crate) fn current(&self) -> Arc<SecurityState> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    pub(crate) fn networks(&self) -> Networks {
        self.security.networks()
    }

    /// The schemes that a client without the right credentials may come with.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = &'static str> {
        let secrets = Arc::clone(&self.current().secrets);
        let basic = "Basic realm=\"monitor\", charset=\"UTF-8\"";
        let bearer = "Bearer realm=\"monitor\"";
        let with_token = secrets.has_tokens().then_some(bearer);
        let with_password = (secrets.has_users() || with_token.is_none()).then_some(basic);
        with_password.into_iter().chain(with_token)
    }

    /// Decides what a request may see.
    pub(crate) async fn admit(
        &self,
        demand: Option<RouteAccess>,
        client: Option<&Client>,
        headers: &HeaderMap,
        metrics: &SelfMetrics,
    ) -> Access {
        let origin = access::origin(client, headers);
        let is_asked = demand.is_some_and(|demand| demand.asks_for_credentials(origin));
        let credentials = if is_asked {
            self.credentials(client, headers, metrics).await
        } else {
            AuthOutcome::NotAsked
        };
        access::decide(demand, origin, credentials)
    }

    /// Where there are users or tokens, those count; else a client certificate does.
    async fn credentials(
        &self,
        client: Option<&Client>,
        headers: &HeaderMap,
        metrics: &SelfMetrics,
    ) -> AuthOutcome {
        loop {
            let secrets = Arc::clone(&self.current().secrets);
            if !secrets.are_given() {
                break;
            }
            let source = client.map_or(Source::Unix, |client| client.peer.source());
            let checking = self.auth.check(&secrets, headers, source, &metrics.access);
            let found = checking.await;
            // What was right when it began to wait may have been withdrawn meanwhile.
            if found != AuthOutcome::Right || Arc::ptr_eq(&secrets, &self.current().secrets) {
                return found;
            }
        }
        match client {
            Some(client) if client.is_certified => AuthOutcome::Right,
            _ => AuthOutcome::NotAsked,
        }
    }

    /// Looks at the files for as long as the server runs.
    pub(crate) async fn watch(self: Arc<Self>, metrics: Arc<SelfMetrics>) {
        while self.security.is_given() {
            self.look(&metrics).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks at the files if that was long ago: for a filter, which has no task of its own to do so. Does not wait
    /// long.
    pub(crate) async fn look_now_and_then(self: Arc<Self>, metrics: &Arc<SelfMetrics>) {
        if self.security.is_given() {
            let _ = tokio::time::timeout(LOOK, self.look(metrics)).await;
        }
    }

    /// Looks at the files if that was not done lately, and is not being done: they may be on a network that hangs.
    async fn look(self: &Arc<Self>, metrics: &Arc<SelfMetrics>) {
        let now = Instant::now();
        let Ok(mut looked) = Arc::clone(&self.looked).try_lock_owned() else {
            return;
        };
        if looked.is_some_and(|last| now.saturating_duration_since(last) < LOOK) {
            return;
        }
        if looked.replace(now).is_none() {
            self.count_first(metrics);
        }
        let (control, metrics) = (Arc::clone(self), Arc::clone(metrics));
        // Where there is no thread to be had, the next look may have one.
        let look = self.pool.call(move || {
            control.reload(&metrics);
            drop(looked);
        });
        look.await;
    }

    /// Counts what came of the first load.
    fn count_first(&self, metrics: &SelfMetrics) {
        if self.current().secrets.are_locked() {
            metrics.protection.failed();
        } else {
            metrics.protection.loaded(self.expiry());
        }
    }

    fn expiry(&self) -> Option<u64> {
        self.current().tls.as_ref().and_then(Tls::expiry)
    }

    /// Takes over what the files hold now, if it is good.
    fn reload(&self, metrics: &SelfMetrics) {
        let mut files = Files::default();
        let loaded = load(&self.security, &mut files);
        if !self.note(files.fingerprint()) {
            return;
        }
        match loaded.and_then(|new| self.replace(new)) {
            Ok(()) => {
                files.warn();
                metrics.protection.loaded(self.expiry());
                tracing::info!("web configuration reloaded");
            }
            Err(error) => {
                metrics.protection.failed();
                let error = Chain(&error);
                tracing::warn!(%error, "web configuration not reloaded: what was good stays in force");
            }
        }
    }

    /// Notes what the files hold; returns whether they held something else before.
    fn note(&self, found: Fingerprint) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut *seen, found).is(&found)
    }

    fn replace(&self, new: SecurityState) -> Result<(), ConfigError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let file = self.security.web_config.clone().unwrap_or_default();
        if let Some(lost) = lost(&current, &new) {
            return Err(ConfigError::Weaker { file, lost });
        }
        // A locked server has no connections yet; a filter's are another server's.
        if current.tls.is_none() && new.tls.is_some() && !current.secrets.are_locked() {
            return Err(ConfigError::NeedsRestart { file });
        }
        self.auth.forget_others(&new.secrets);
        *current = Arc::new(new);
        Ok(())
    }
}

/// The protection that would be taken away. A file that lacks it is more likely half written than meant so; a restart
/// takes it.
fn lost(old: &SecurityState, new: &SecurityState) -> Option<&'static str> {
    let (before, after) = (&old.secrets, &new.secrets);
    match (&old.tls, &new.tls) {
        (Some(_), None) => Some("TLS"),
        (Some(before), Some(after)) if after.weakens(before) => Some("client certificates"),
        _ if before.has_users() && !after.has_users() => Some("users"),
        _ if before.has_tokens() && !after.has_tokens() => Some("tokens"),
        _ => None,
    }
}

/// Reads everything there is to read, with a warning for secrets that others may read.
fn load_first(security: &Security) -> Result<(SecurityState, Fingerprint), ConfigError> {
    let mut files = Files::default();
    let state = load(security, &mut files)?;
    files.warn();
    Ok((state, files.fingerprint()))
}

fn load(security: &Security, files: &mut Files) -> Result<SecurityState, ConfigError> {
    security.check()?;
    let mut state = SecurityState::default();
    #[cfg(feature = "auth")]
    let (mut users, mut tokens) = (Vec::new(), security.fingerprints().collect::<Vec<_>>());
    #[cfg(feature = "auth")]
    if let Some(path) = &security.bearer_token_file {
        tokens.extend(files.tokens(path)?);
    }
    if let Some(path) = &security.web_config {
        let text = files.text(path, place("web_config"))?;
        let web = WebFile::parse(path, &text)?;
        if let Some(settings) = &web.tls {
            state.tls = Some(Tls::new(settings, &mut |pem| files.pem(pem))?);
            let secret = settings.key.path().unwrap_or(path);
            files.secret.push(secret.to_owned());
        }
        state.headers = web.headers;
        #[cfg(feature = "auth")]
        (users = web.users);
    }
    #[cfg(feature = "auth")]
    (state.secrets = Arc::new(Secrets::new(users, tokens)));
    Ok(state)
}

/// A key of the section.
fn place(key: &str) -> Place {
    Place::new(Origin::Code, None, key.to_owned())
}

/// Reads files, and digests all that they held.
#[derive(Debug, Default)]
struct Files {
    digests: Vec<u8>,
    /// Those that only the service should be able to read.
    secret: Vec<PathBuf>,
}

impl Files {
    /// Of everything read so far.
    fn fingerprint(&self) -> Fingerprint {
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
        let content = read();
        // Digests have one length: no part runs into the next.
        let mut note = |part: &[u8]| Fingerprint::of(part).append_to(&mut self.digests);
        note(path.as_os_str().as_encoded_bytes());
        match &content {
            Ok(content) => note(content),
            Err(error) => note(error.to_string().as_bytes()),
        }
        content.map_err(|source| ConfigError::Unreadable {
            place,
            file: path.to_owned(),
            source,
        })
    }

    fn text(&mut self, path: &Path, place: Place) -> Result<String, ConfigError> {
        let content = self.read(path, place.clone())?;
        String::from_utf8(content).map_err(|error| ConfigError::Unusable {
            place,
            file: Some(path.to_owned()),
            source: error.utf8_error().into(),
        })
    }

    /// A certificate or key.
    fn pem(&mut self, pem: &Pem) -> Result<Vec<u8>, ConfigError> {
        match pem.path() {
            Some(path) => self.read(path, pem.place.clone()),
            None => Ok(pem.text().unwrap_or_default().into()),
        }
    }

    /// The tokens in a file, one a line.
    #[cfg(feature = "auth")]
    fn tokens(&mut self, path: &Path) -> Result<Vec<Fingerprint>, ConfigError> {
        let text = self.text(path, place("bearer_token_file"))?;
        let unusable = |reason: &str| ConfigError::Unusable {
            place: place("bearer_token_file"),
            file: Some(path.to_owned()),
            source: reason.into(),
        };
        let lines = text.lines().map(str::trim);
        let given: Vec<_> = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        if given.is_empty() {
            return Err(unusable("there is no token in it"));
        }
        if !given.iter().all(|line| is_token(line)) {
            return Err(unusable("a token has at least 16 visible ASCII characters"));
        }
        self.secret.push(path.to_owned());
        let tokens = given.iter().map(|line| Fingerprint::of(line.as_bytes()));
        Ok(tokens.collect())
    }

    /// A secret that every user of the machine may read is worth a warning, and no more: there are systems that need it
    /// so.
    fn warn(&self) {
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

#[cfg(all(test, feature = "yaml", feature = "auth"))]
mod tests;
