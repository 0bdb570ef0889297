//! A gauge of the service's with a selectable fault, as a user's collector may have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// The behaviour: 0 works, 1 panics, 2 blocks for 30 s, 3 has an invalid name.
static MOOD: AtomicUsize = AtomicUsize::new(0);

static GATHERED: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn set(mood: usize) {
    MOOD.store(mood, Ordering::SeqCst);
}

/// How often it was gathered.
pub(crate) fn gathered() -> usize {
    GATHERED.load(Ordering::SeqCst)
}

pub(crate) struct Moody;

impl Collector for Moody {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        GATHERED.fetch_add(1, Ordering::SeqCst);
        let mood = MOOD.load(Ordering::SeqCst);
        match mood {
            1 => panic!("as it was told"),
            2 => std::thread::sleep(Duration::from_secs(30)),
            _ => {}
        }
        let gauge = IntGauge::new("moody", "A gauge of the service's.").expect("a name");
        let mut families = gauge.collect();
        if mood == 3 {
            for family in &mut families {
                family.set_name("1 no name".to_owned());
            }
        }
        families
    }
}
