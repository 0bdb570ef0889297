//! The history of a server's monitor, from its begin to its end: who looks, what is known from before, what is left behind.
//!
//! The thread is monitor-core's (`monitor-history`); it asks the [`Observer`](crate::observer::Observer) for facts once in
//! 2 s. Where there is no thread to be had, a warning is logged, and the verdict is as old as the last time it was asked for. A
//! mounted server keeps the history of its monitor too, also where another server does: a look that comes too early is none.
//!
//! While the history is off there is no thread. Where it is switched on later ([`Monitor::configure`]), the thread begins
//! with the next request, of whatever path: a probe or a scrape comes soon.
//!
//! [`Monitor::configure`]: monitor_core::MonitorStorage::configure

use std::path::Path;
use std::sync::{Arc, Mutex};

use monitor_core::Monitor;
use monitor_core::config::Namespace;
use monitor_core::verdict::{HistoryThread, ServiceIdentity};

use crate::config::MonitorConfig;
use crate::error::with_sources;
use crate::exit_files::{ExitFiles, write_snapshot};
use crate::observer::instance;
use crate::routes::Context;
use crate::runtime::lock;
use crate::runtime::log::log;

/// The thread, and the files that are left behind.
#[derive(Debug, Default)]
pub(crate) struct KeptHistory {
    thread: Mutex<Keeping>,
    files: Mutex<Option<ExitFiles>>,
}

#[derive(Debug, Default)]
enum Keeping {
    /// It has not begun, or the history is off so far.
    #[default]
    Waiting,
    Running(#[expect(dead_code, reason = "the thread ends when it is dropped")] HistoryThread),
    /// The server ends, or there is no thread to be had.
    Over,
}

impl KeptHistory {
    /// Looks from now on, where the monitor keeps a history. With a path for a last snapshot the starts before this one are
    /// known, too.
    pub(crate) fn begin(&self, context: &Context, snapshot: Option<&Path>) {
        let monitor = context.health.monitor;
        if let Some(path) = snapshot {
            let version = context.service.as_ref().map(|service| &*service.version);
            let (files, boots) = ExitFiles::begin(path, version);
            monitor.set_boots(boots);
            *lock(&self.files) = Some(files);
        }
        self.keep(context);
    }

    /// Begins to look, where that is still to come and the history is on by now.
    pub(crate) fn keep(&self, context: &Context) {
        let mut keeping = lock(&self.thread);
        let monitor = context.health.monitor;
        let is_waiting = matches!(*keeping, Keeping::Waiting);
        if !is_waiting || monitor.with_watch(|_| ()).is_none() {
            return;
        }
        let (health, observer) = (Arc::clone(&context.health), Arc::clone(&context.observer));
        *keeping = match monitor.keep_history(move || observer.facts(&health)) {
            Ok(thread) => Keeping::Running(thread),
            Err(error) => {
                log(
                    move || tracing::warn!(%error, "no thread to keep the history: the verdict is made when it is asked for"),
                );
                Keeping::Over
            }
        };
    }

    /// Takes a last look, writes the files, and looks no more.
    pub(crate) fn end(&self, context: &Context) {
        let before = std::mem::replace(&mut *lock(&self.thread), Keeping::Over);
        drop(before);
        let Some(files) = lock(&self.files).take() else {
            return;
        };
        let health = &context.health;
        health.monitor.look_at_last(context.observer.facts(health));
        files.end();
        if let Err(error) = write_snapshot(context, files.snapshot()) {
            let error = with_sources(&error);
            log(move || tracing::warn!(%error, "the last snapshot is not written"));
        }
    }
}

/// Which service it is, and how its pages name families, for the verdict's words.
pub(crate) fn identity(config: &MonitorConfig, namespace: &Namespace) -> ServiceIdentity {
    let mut identity = ServiceIdentity::default();
    if let Some(service) = &config.process.service {
        identity.name = Arc::clone(&service.name);
        identity.version = Some(Arc::clone(&service.version));
        identity.revision.clone_from(&service.revision);
    }
    identity.instance = instance().map(Arc::from);
    let families = &mut identity.families;
    families.profile = config.page_settings().profile;
    families.namespace.clone_from(namespace);
    families.is_native = config.native_histograms;
    identity
}

/// The same of a server that is mounted. Where its configuration names no service, another server may have named the
/// monitor's.
pub(crate) fn mounted_identity(config: &MonitorConfig, monitor: Monitor) -> ServiceIdentity {
    let mut identity = identity(config, &monitor.config().namespace);
    let verdict = monitor.verdict();
    let known = verdict.filter(|_| config.process.service.is_none());
    if let Some(known) = known.map(|verdict| Arc::clone(&verdict.service)) {
        identity.name = Arc::clone(&known.name);
        identity.version.clone_from(&known.version);
        identity.revision.clone_from(&known.revision);
        identity.address.clone_from(&known.address);
    }
    identity
}

#[cfg(test)]
mod tests {
    use monitor_core::StorageConfig;
    use monitor_core::history::Phase;
    use monitor_core::verdict::State;

    use super::*;
    use crate::MetricServer;
    use crate::process::Service;
    use crate::test_folder::Folder;

    #[test]
    fn a_mounted_server_names_the_service_at_once_and_one_without_a_name_leaves_it() {
        let monitor = Monitor::new(StorageConfig::default());
        assert!(monitor.verdict().is_some());
        let config = MonitorConfig::default()
            .service(Service::new("shop", "1.4.2"))
            .native_histograms(true);
        let named = || {
            let service = Arc::clone(&monitor.verdict().expect("a history").service);
            let version = service.version.as_deref().map(str::to_owned);
            (
                service.name.to_string(),
                version,
                service.families.is_native,
            )
        };
        let _first = MetricServer::with_config(&config, monitor);
        assert_eq!(named(), ("shop".to_owned(), Some("1.4.2".to_owned()), true));
        let _second = MetricServer::with_config(&MonitorConfig::default(), monitor);
        let (name, version, _) = named();
        assert_eq!((&*name, version.as_deref()), ("shop", Some("1.4.2")));
    }

    #[test]
    fn the_last_look_is_that_of_the_end() {
        let folder = Folder::new();
        let monitor = Monitor::new(StorageConfig::default());
        let context = Context::new(monitor, &MonitorConfig::default());
        context
            .kept
            .begin(&context, Some(&folder.0.join("last.json")));
        monitor.look_at_last(context.observer.facts(&context.health));
        context.health.set_draining(None);
        context.kept.end(&context);
        let last = monitor.with_watch(|watch| (watch.phase(), watch.verdict().state));
        assert_eq!(last, Some((Phase::Draining, State::Draining)));
        // It does not begin again.
        context.kept.keep(&context);
        assert!(matches!(*lock(&context.kept.thread), Keeping::Over));
        let mut names = folder.names();
        names.sort();
        assert_eq!(names, ["last.json", "last.json.boots"]);
    }
}
