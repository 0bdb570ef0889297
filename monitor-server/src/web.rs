//! The protection of the server: TLS, credentials and headers, from files that are watched.
//!
//! [`AccessControl`] has the settings and the [`SecurityState`] that is in force, which connections and requests take
//! as one: a reload puts a whole new one in its place. It takes over a state that is as strong or stronger; it never
//! opens the server. A file that cannot be read, is not valid, or lacks a protection that was in force (as a file does
//! that is half written) leaves everything as it was.
//!
//! The files are looked at twice a second, by the server's own task ([`AccessControl::watch`]) or, where the routes are
//! mounted in another server, by the requests themselves. Reading may block, so it is a job of the pool; one look runs
//! at a time, and has the lock of `looked` for as long. That a file changed is seen by a digest of all that was read,
//! not by its times.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use monitor_core::Monitor;
use monitor_core::history::EventKind;

#[cfg(not(feature = "tls"))]
use crate::access::Peer;
use crate::access::{self, Access, AuthOutcome, Client, Networks, RouteAccess};
#[cfg(feature = "auth")]
use crate::auth::{self, Authenticator, Secrets};
use crate::config::{Secret, Security, WebFile};
#[cfg(not(feature = "tls"))]
use crate::connection::Stream;
use crate::error::{ConfigError, Origin, Place, with_sources};
use crate::page::door::Door;
use crate::runtime::pool::Pool;
use crate::self_metrics::SelfMetrics;
#[cfg(feature = "tls")]
pub(crate) use crate::tls::Tls;

/// How often the files are looked at: a password that was taken away is to be refused within a second.
const LOOK: Duration = Duration::from_millis(500);

/// Larger than any of these files; a larger one is not read into memory.
const MOST_BYTES: u64 = 4 << 20;

/// Protections by name. A reload that lacks one that is in force is refused.
pub(crate) const TLS: &str = "TLS";
const USERS: &str = "users";
const TOKENS: &str = "tokens";

/// The protection that is in force.
#[derive(Debug, Default)]
pub(crate) struct SecurityState {
    /// Set while the protection cannot be loaded: no client is let in but for probes.
    pub(crate) is_locked: bool,
    protections: Vec<&'static str>,
    #[cfg(feature = "auth")]
    secrets: Secrets,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) tls: Option<Tls>,
    /// When the certificate expires, in seconds since 1970; `None` where there is no certificate.
    expiry: Option<u64>,
}

impl SecurityState {
    fn has(&self, protection: &str) -> bool {
        self.protections.contains(&protection)
    }

    fn needs_credentials(&self) -> bool {
        self.is_locked || self.has(USERS) || self.has(TOKENS)
    }
}

/// Keeps the protection of a server up to date, and applies it.
#[derive(Debug)]
pub(crate) struct AccessControl {
    security: Security,
    current: RwLock<Arc<SecurityState>>,
    /// The digest of the last content of the files, good or bad. `Relaxed`: it is compared under the lock of `looked`.
    seen: Secret<AtomicU64>,
    #[cfg(feature = "auth")]
    auth: Authenticator,
    /// The server's: looks run on it.
    pub(crate) pool: Pool,
    /// When the files were looked at last; locked while they are.
    looked: Arc<tokio::sync::Mutex<Option<Instant>>>,
    /// The monitor whose history has an event for each reload.
    history: OnceLock<Monitor>,
}

impl AccessControl {
    /// Loads the files that the settings name.
    pub(crate) fn load(security: &Security) -> Result<Self, ConfigError> {
        let control = Self::locked(security);
        control.check()?;
        Ok(control)
    }

    /// The same where no error can be returned: it is locked then.
    pub(crate) fn load_or_lock(security: &Security) -> Self {
        let control = Self::locked(security);
        if let Err(error) = control.check() {
            let error = with_sources(&error);
            tracing::error!(%error, "the monitor server's protection cannot be loaded: no client is let in");
        }
        control
    }

    fn locked(security: &Security) -> Self {
        let pool = Pool::default();
        let locked = SecurityState {
            is_locked: true,
            ..SecurityState::default()
        };
        Self {
            // The service may change its current directory.
            security: security.clone().made_absolute(),
            current: RwLock::new(Arc::new(locked)),
            seen: Secret::default(),
            #[cfg(feature = "auth")]
            auth: Authenticator::new(pool.clone()),
            pool,
            looked: Arc::default(),
            history: OnceLock::new(),
        }
    }

    /// From now on reloads are events in this monitor's history.
    pub(crate) fn report_to(&self, monitor: Monitor) {
        let _ = self.history.set(monitor);
    }

    fn event(&self, kind: EventKind, text: &str) {
        if let Some(monitor) = self.history.get() {
            monitor.event(kind, "", text);
        }
    }

    /// Loads the protection where it is locked.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.current().is_locked {
            let mut files = Files::default();
            let state = load(&self.security, &mut files)?;
            files.warn();
            self.note(&files);
            // A locked server has no protection to lose: this is not refused.
            let _ = self.replace(state);
        }
        Ok(())
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
        let state = self.current();
        let basic = "Basic realm=\"monitor\", charset=\"UTF-8\"";
        let bearer = "Bearer realm=\"monitor\"";
        let has_tokens = state.has(TOKENS);
        let basic = (state.has(USERS) || !has_tokens).then_some(basic);
        basic.into_iter().chain(has_tokens.then_some(bearer))
    }

    /// Decides how much a request may see.
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
        let is_unguarded = demand == Some(RouteAccess::Shell) && !self.asks_browsers();
        match credentials {
            AuthOutcome::Missing if is_unguarded => {
                access::decide(demand, origin, AuthOutcome::NotAsked)
            }
            _ => access::decide(demand, origin, credentials),
        }
    }

    /// Whether a browser has to ask for a name and a password: there are users, or all is locked.
    fn asks_browsers(&self) -> bool {
        let state = self.current();
        state.is_locked || state.has(USERS)
    }

    /// The answer to a browser that is denied for want of credentials (401), or is not on this machine (403).
    pub(crate) fn door(&self, status: StatusCode) -> Door {
        let state = self.current();
        Door {
            status,
            has_users: state.has(USERS),
            has_tokens: state.has(TOKENS),
            is_tls: state.tls.is_some(),
        }
    }

    /// Where there are users or tokens, those count; else a client certificate does.
    #[cfg_attr(
        not(feature = "auth"),
        allow(unused_variables, clippy::unused_async, reason = "none are read")
    )]
    async fn credentials(
        &self,
        client: Option<&Client>,
        headers: &HeaderMap,
        metrics: &SelfMetrics,
    ) -> AuthOutcome {
        let mut state = self.current();
        while state.needs_credentials() {
            #[cfg(feature = "auth")]
            let found = {
                let (auth, secrets) = (&self.auth, &state.secrets);
                auth.check(secrets, headers, client, &metrics.access).await
            };
            #[cfg(not(feature = "auth"))]
            let found = AuthOutcome::Missing;
            let current = self.current();
            // A password that was right when it began to wait may have been withdrawn meanwhile.
            if found != AuthOutcome::Right || Arc::ptr_eq(&state, &current) {
                return found;
            }
            state = current;
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
            // How the first load went.
            let state = self.current();
            if state.is_locked {
                metrics.protection.failed();
            } else {
                metrics.protection.loaded(state.expiry);
            }
        }
        let (control, metrics) = (Arc::clone(self), Arc::clone(metrics));
        // Where there is no thread to be had, the next look may have one.
        let look = self.pool.call(move || {
            control.reload(&metrics);
            drop(looked);
        });
        look.await;
    }

    /// Takes over the present content of the files, if it is good.
    fn reload(&self, metrics: &SelfMetrics) {
        let mut files = Files::default();
        let loaded = load(&self.security, &mut files);
        if !self.note(&files) {
            return;
        }
        let loaded = loaded.map_err(|error| with_sources(&error));
        match loaded.and_then(|new| self.replace(new)) {
            Ok(()) => {
                files.warn();
                metrics.protection.loaded(self.current().expiry);
                self.event(
                    EventKind::Reload,
                    "Credentials and certificates were reloaded.",
                );
                tracing::info!("web configuration reloaded");
            }
            Err(error) => {
                metrics.protection.failed();
                self.event(
                    EventKind::ReloadFailed,
                    "Credentials and certificates could not be reloaded: the last good ones stay in force.",
                );
                tracing::warn!(%error, "web configuration not reloaded: the last good one stays in force");
            }
        }
    }

    /// Notes the content of the files; returns whether it has changed.
    fn note(&self, files: &Files) -> bool {
        let digest = files.digest.finish();
        self.seen.0.swap(digest, Ordering::Relaxed) != digest
    }

    /// Puts a state in force, or returns why it may not be. A file that lacks a protection is more likely half written
    /// than meant so; a restart takes it.
    fn replace(&self, new: SecurityState) -> Result<(), String> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = current.protections.iter();
        let why = if let Some(lost) = old.find(|protection| !new.has(protection)) {
            format!("without {lost}, which the server has in force")
        } else if new.has(TLS) && !current.has(TLS) && !current.is_locked {
            // A locked server has no connections yet; a filter's are another server's.
            "TLS, which was not in force when the server started, begins with a restart".to_owned()
        } else {
            #[cfg(feature = "auth")]
            self.auth.forget_others(&new.secrets);
            *current = Arc::new(new);
            return Ok(());
        };
        let file = self.security.web_config.as_deref().unwrap_or(Path::new(""));
        Err(format!("{}: {why}", file.display()))
    }
}

/// Reads everything there is to read.
fn load(security: &Security, files: &mut Files) -> Result<SecurityState, ConfigError> {
    security.check()?;
    let mut state = SecurityState::default();
    #[cfg(feature = "auth")]
    (state.secrets.tokens = auth::tokens(security, files)?);
    if let Some(path) = &security.web_config {
        let text = files.text(path, &place("web_config"))?;
        let web = WebFile::parse(path, &text)?;
        state.headers = web.headers;
        #[cfg(feature = "tls")]
        if let Some(settings) = &web.tls {
            let tls = Tls::new(settings, files)?;
            state.protections.extend(&tls.protections);
            state.expiry = tls.expiry;
            state.tls = Some(tls);
            let secret = settings.key.path.as_ref().unwrap_or(path);
            files.secret.push(secret.clone());
        }
        #[cfg(feature = "auth")]
        state.secrets.users.extend(web.users);
    }
    #[cfg(feature = "auth")]
    {
        let Secrets { users, tokens } = &state.secrets;
        let (users, tokens) = (!users.is_empty(), !tokens.is_empty());
        state.protections.extend(users.then_some(USERS));
        state.protections.extend(tokens.then_some(TOKENS));
    }
    Ok(state)
}

/// A key of the section.
pub(crate) fn place(key: &str) -> Place {
    Place::new(Origin::Code, None, key.to_owned())
}

/// TLS without its cargo feature: there is none.
#[cfg(not(feature = "tls"))]
#[derive(Debug)]
pub(crate) enum Tls {}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn accept(
        &self,
        _: Box<dyn Stream>,
        _: Peer,
    ) -> std::future::Ready<Option<(Box<dyn Stream>, bool)>> {
        match *self {}
    }
}

/// Reads files, and digests all that they held.
#[derive(Default)]
pub(crate) struct Files {
    digest: DefaultHasher,
    /// Those that only the service should be able to read.
    pub(crate) secret: Vec<PathBuf>,
}

impl Files {
    pub(crate) fn read(&mut self, path: &Path, place: &Place) -> Result<Vec<u8>, ConfigError> {
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
        let held = content.as_ref().map_err(ToString::to_string);
        (path, held).hash(&mut self.digest);
        content.map_err(|source| ConfigError::Unreadable {
            place: place.clone(),
            file: path.to_owned(),
            source,
        })
    }

    pub(crate) fn text(&mut self, path: &Path, place: &Place) -> Result<String, ConfigError> {
        let content = self.read(path, place)?;
        String::from_utf8(content)
            .map_err(|error| ConfigError::unusable(place, Some(path), error.utf8_error()))
    }

    /// A secret that every user of the machine may read is worth a warning, and no more: there are systems that need it
    /// so.
    fn warn(&self) {
        for path in self.secret.iter().filter(|path| others_may_read(path)) {
            tracing::warn!(file = %path.display(), "every user of this machine may read the secret in this file");
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
