//! What protects the server: TLS, credentials and headers, from files that are watched.
//!
//! A reload takes over what is good and stronger, or as strong; it never opens the server. What cannot be read, is no valid
//! file, or lacks a protection that was in force (as a file does that is half written) leaves everything as it was.

mod files;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use self::files::Files;
use crate::access::{self, Access, Client, Demand, Networks, Source};
use crate::auth::{Authenticator, Credentials, Fingerprint, Secrets};
use crate::config::{Security, web as file};
use crate::error::{Chain, ConfigError, Origin, Place};
use crate::runtime::pool::Pool;
use crate::self_metrics::SelfMetrics;
use crate::tls::Tls;

/// How often the files are looked at: a password that was taken away is to be refused within a second.
const LOOK: Duration = Duration::from_millis(500);

/// What is in force.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) tls: Option<Tls>,
}

/// Keeps the protection of a server up to date, and applies it.
#[derive(Debug)]
pub(crate) struct Keeper {
    security: Security,
    current: RwLock<Arc<Protection>>,
    /// What the files last held, good or bad.
    seen: Mutex<Fingerprint>,
    auth: Authenticator,
    /// When the files were looked at last, where nobody does so all the time.
    looked: Mutex<Option<Instant>>,
    /// Whether somebody looks at them. `Relaxed`: what it guards has locks of its own.
    looks: AtomicBool,
}

/// A look at the files; at its end, or when nobody was there to look, the next one can begin.
struct Look(Arc<Keeper>);

impl Drop for Look {
    fn drop(&mut self) {
        self.0.looks.store(false, Ordering::Relaxed);
    }
}

impl Keeper {
    /// Loads what the settings name.
    pub(crate) fn load(security: &Security) -> Result<Self, ConfigError> {
        // The service may change its current directory.
        let security = &security.clone().made_absolute();
        let mut files = Files::default();
        let protection = load(security, &mut files)?;
        files.warn();
        Ok(Self::new(security, protection, files.fingerprint()))
    }

    /// The same where nobody can be told that it went wrong: nobody is let in then, but for probes.
    pub(crate) fn load_or_lock(security: &Security) -> Self {
        Self::load(security).unwrap_or_else(|error| {
            let error = Chain(&error);
            tracing::error!(%error, "the monitor server's protection cannot be loaded: nobody is let in");
            let locked = Protection {
                secrets: Arc::new(Secrets::locked()),
                ..Protection::default()
            };
            let security = &security.clone().made_absolute();
            Self::new(security, locked, Files::default().fingerprint())
        })
    }

    /// Where it was locked, loads again, and says what goes wrong.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !self.current().secrets.are_locked() {
            return Ok(());
        }
        let mut files = Files::default();
        let loaded = load(&self.security, &mut files)?;
        files.warn();
        self.replace(loaded)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = files.fingerprint();
        Ok(())
    }

    fn new(security: &Security, protection: Protection, seen: Fingerprint) -> Self {
        Self {
            security: security.clone(),
            current: RwLock::new(Arc::new(protection)),
            seen: Mutex::new(seen),
            auth: Authenticator::new(Pool::default()),
            looked: Mutex::default(),
            looks: AtomicBool::new(false),
        }
    }

    pub(crate) fn current(&self) -> Arc<Protection> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    pub(crate) fn networks(&self) -> Networks {
        self.security.networks()
    }

    /// What somebody without the right credentials is told to come with.
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
        demand: Option<Demand>,
        client: Option<&Client>,
        headers: &HeaderMap,
        metrics: &SelfMetrics,
    ) -> Access {
        let origin = access::origin(client, headers);
        let is_asked = demand.is_some_and(|demand| demand.asks_for_credentials(origin));
        let credentials = if is_asked {
            self.credentials(client, headers, metrics).await
        } else {
            Credentials::NotAsked
        };
        access::decide(demand, origin, credentials)
    }

    /// Where there are users or tokens, those count; else a client certificate does.
    async fn credentials(
        &self,
        client: Option<&Client>,
        headers: &HeaderMap,
        metrics: &SelfMetrics,
    ) -> Credentials {
        loop {
            let secrets = Arc::clone(&self.current().secrets);
            if !secrets.are_given() {
                break;
            }
            let source = client.map_or(Source::Unix, |client| client.peer.source());
            let checking = self.auth.check(&secrets, headers, source, &metrics.access);
            let found = checking.await;
            // What was right when it began to wait may have been withdrawn meanwhile.
            if found != Credentials::Right || Arc::ptr_eq(&secrets, &self.current().secrets) {
                return found;
            }
        }
        match client {
            Some(client) if client.is_certified => Credentials::Right,
            _ => Credentials::NotAsked,
        }
    }

    /// Looks at the files for as long as the server runs.
    pub(crate) async fn watch(self: Arc<Self>, metrics: Arc<SelfMetrics>) {
        if !self.security.is_given() {
            return;
        }
        self.say_first(&metrics);
        loop {
            tokio::time::sleep(LOOK).await;
            Arc::clone(&self).look(&metrics).await;
        }
    }

    /// Looks at the files if that was long ago: for a filter, which has no task of its own to do so. Does not wait long.
    pub(crate) async fn look_now_and_then(self: Arc<Self>, metrics: &Arc<SelfMetrics>) {
        if !self.security.is_given() {
            return;
        }
        let now = Instant::now();
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|last| now.saturating_duration_since(last) < LOOK) {
                return;
            }
            if looked.replace(now).is_none() {
                self.say_first(metrics);
            }
        }
        let _ = tokio::time::timeout(LOOK, self.look(metrics)).await;
    }

    /// Looks at the files on a thread of its own: they may be on a network that hangs. One look at a time.
    async fn look(self: Arc<Self>, metrics: &Arc<SelfMetrics>) {
        if self.looks.swap(true, Ordering::Relaxed) {
            return;
        }
        let (look, metrics) = (Look(self), Arc::clone(metrics));
        let look = || tokio::task::spawn_blocking(move || look.0.reload(&metrics));
        // It panics where there is no thread to be had; the next look may have one.
        if let Ok(looked) = catch_unwind(AssertUnwindSafe(look)) {
            let _ = looked.await;
        }
    }

    /// Says what came of the first load.
    fn say_first(&self, metrics: &SelfMetrics) {
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
        let found = files.fingerprint();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.is(&found) {
                return;
            }
            *seen = found;
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

    fn replace(&self, new: Protection) -> Result<(), ConfigError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let file = || self.security.web_config.clone().unwrap_or_default();
        if let Some(lost) = lost(&current, &new) {
            let file = file();
            return Err(ConfigError::Weaker { file, lost });
        }
        // A locked one serves nobody yet, or a filter, whose connections are another server's.
        if current.tls.is_none() && new.tls.is_some() && !current.secrets.are_locked() {
            return Err(ConfigError::NeedsRestart { file: file() });
        }
        self.auth.forget_others(&new.secrets);
        *current = Arc::new(new);
        Ok(())
    }
}

/// The protection that would be taken away. A file that lacks it is more likely half written than meant so; a restart takes it.
fn lost(old: &Protection, new: &Protection) -> Option<&'static str> {
    let (before, after) = (&old.secrets, &new.secrets);
    match (&old.tls, &new.tls) {
        (Some(_), None) => Some("TLS"),
        (Some(before), Some(after)) if after.weakens(before) => Some("client certificates"),
        _ if before.has_users() && !after.has_users() => Some("users"),
        _ if before.has_tokens() && !after.has_tokens() => Some("tokens"),
        _ => None,
    }
}

/// Reads everything there is to read.
fn load(security: &Security, files: &mut Files) -> Result<Protection, ConfigError> {
    security.check()?;
    let mut tokens: Vec<Fingerprint> = security.fingerprints().collect();
    if let Some(path) = &security.bearer_token_file {
        tokens.extend(files.tokens(path)?);
    }
    let Some(path) = &security.web_config else {
        return Ok(Protection {
            secrets: Arc::new(Secrets::new(Vec::new(), tokens)),
            ..Protection::default()
        });
    };
    let text = files.text(path, place("web_config"))?;
    let web = file::parse(path, &text)?;
    let tls = match &web.tls {
        Some(settings) => Some(Tls::new(settings, &mut |pem| files.pem(pem))?),
        None => None,
    };
    if let Some(settings) = &web.tls {
        files.holds_secret(settings.key.path().unwrap_or(path));
    }
    Ok(Protection {
        secrets: Arc::new(Secrets::new(web.users, tokens)),
        headers: web.headers,
        tls,
    })
}

/// A key of the section.
fn place(key: &str) -> Place {
    Place {
        origin: Origin::Code,
        line: None,
        key: key.to_owned(),
    }
}

#[cfg(test)]
mod tests;
