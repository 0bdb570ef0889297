//! The thread that samples self time, where the setting `sampler` asks for it.
//!
//! It sleeps most of the time, and a sample takes some microseconds, so a thread of its own is simplest: on the thread
//! that serves a request would delay the samples, and a page that is long to write all the more. It is started before
//! the server, where an error can be returned, and waits until the server begins.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use monitor_core::Monitor;

use crate::error::RunError;

/// Name of the thread; 15 bytes, as long as Linux shows.
pub(crate) const THREAD_NAME: &str = "monitor-sampler";

/// A thread that samples from [`begin`](Self::begin) on until this is dropped; none where no self time is asked for.
#[derive(Debug, Default)]
pub(crate) struct SamplerThread {
    /// A message is the signal to begin, its drop the one to end.
    signal: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SamplerThread {
    pub(crate) fn start(monitor: Monitor, period: Option<Duration>) -> Result<Self, RunError> {
        let Some(period) = period else {
            return Ok(Self::default());
        };
        let (signal, received) = channel();
        let thread = std::thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || sample(monitor, period, &received))
            .map_err(|source| RunError::Thread {
                name: THREAD_NAME,
                source,
            })?;
        Ok(Self {
            signal: Some(signal),
            thread: Some(thread),
        })
    }

    pub(crate) fn begin(&self) {
        if let Some(signal) = &self.signal {
            // An error: the thread panicked, and the panic hook has reported that.
            let _ = signal.send(());
        }
    }
}

impl Drop for SamplerThread {
    fn drop(&mut self) {
        drop(self.signal.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn sample(monitor: Monitor, period: Duration, signal: &Receiver<()>) {
    if signal.recv().is_err() {
        return;
    }
    let mut sampler = monitor.sampler(period);
    while signal.recv_timeout(sampler.pause()) == Err(RecvTimeoutError::Timeout) {
        sampler.sample();
    }
}
