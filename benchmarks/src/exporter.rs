//! The recorder behind the `metrics` facade. It is global, so all peers that use the facade share it.

use std::sync::LazyLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use monitor_core::TIME_BOUNDS;

/// The global recorder's exporter; the recorder is installed at the first use.
pub(crate) static EXPORTER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let recorder = recorder();
    let exporter = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the first one");
    exporter
});

/// A recorder of its own.
pub(crate) fn recorder() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new().set_buckets(&TIME_BOUNDS);
    builder.expect("there are buckets").build_recorder()
}
