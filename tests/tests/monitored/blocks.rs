//! `impl` blocks: inherent, of a trait, generic; `prefix`, `only_pub`, `skip`, a method's own attribute.

#![allow(unreachable_pub, reason = "`only_pub` looks for it")]

use monitor_core::names::Profile;
use monitor_core::testing::{self, Recorder, call, task};
use monitor_core::{Monitor, StartUpWarning, StorageConfig, TaskStatus, monitored};

use crate::drive::{pause, ready};

struct Plain;

#[monitored]
impl Plain {
    const LIMIT: u8 = 3;

    fn new() -> Self {
        Self
    }

    const fn constant() -> u8 {
        Self::LIMIT
    }

    fn by_reference(&self) -> Result<u8, String> {
        Err("no".to_owned())
    }

    async fn later(&mut self, fail: bool) -> Result<u8, String> {
        pause().await;
        if fail {
            return Err("no".to_owned());
        }
        Ok(Self::constant())
    }

    #[expect(clippy::manual_async_fn, reason = "the shape is what is tested")]
    fn future(self) -> impl Future<Output = u8> {
        async { 1 }
    }
}

#[test]
fn each_method_is_named_after_the_type() {
    let (_, recorded) = testing::record(|| {
        let mut plain = Plain::new();
        let _ = (plain.by_reference(), ready(plain.later(true)));
        assert_eq!(ready(plain.later(false)), Ok(3));
        assert_eq!(ready(plain.future()), 1);
    });
    recorded.assert_exactly([
        call("Plain::new").success(),
        call("Plain::by_reference").failure("other"),
        call("Plain::later").failure("other"),
        call("Plain::later").success(),
        call("Plain::future").success(),
    ]);
}

mod inner {
    pub(super) struct Generic<'a, T>(pub(super) &'a T);
}

#[monitored]
impl<'a, LongName: Clone + ToString> inner::Generic<'a, LongName> {
    #[monitored(labels(capped(text = self.0.to_string(), max = 4)))]
    fn get(&self) -> LongName {
        self.0.clone()
    }

    fn take<U: From<u8>>(self, _: U) -> (&'a LongName, U) {
        (self.0, U::from(1))
    }
}

#[monitored(prefix = "Words")]
impl<T> Extra for Vec<T> {
    fn required(&self) -> usize {
        self.len()
    }
}

trait Extra {
    fn required(&self) -> usize;

    #[monitored]
    fn provided(&self) -> usize {
        self.required() + 1
    }
}

#[monitored(prefix = "", only_pub)]
impl<T> Extra for Option<T> {
    fn required(&self) -> usize {
        usize::from(self.is_some())
    }
}

#[monitored]
impl Extra for dyn Fn() -> u8 {
    fn required(&self) -> usize {
        self().into()
    }
}

#[monitored]
impl Extra for &Plain {
    fn required(&self) -> usize {
        9
    }
}

#[monitored(prefix = "Pair")]
impl Extra for (u8, [u8; 2]) {
    fn required(&self) -> usize {
        2
    }
}

#[test]
fn blocks_of_traits_and_generic_blocks() {
    let (_, recorded) = testing::record(|| {
        let word = "w".to_owned();
        assert_eq!(inner::Generic(&word).get(), "w");
        assert_eq!(inner::Generic(&word).take::<u32>(4), (&word, 1));
        assert_eq!(vec![1].provided(), 2);
        assert_eq!(None::<u8>.required(), 0);
        assert_eq!((&Plain).required() + (1, [0, 0]).required(), 11);
        let function: &'static dyn Fn() -> u8 = &|| 5;
        assert_eq!(function.required(), 5);
    });
    recorded.assert_exactly([
        call("Generic::get").label("text", "w").success(),
        call("Generic::take").success(),
        call("Words::required").success(),
        call("provided").success(),
        call("required").success(),
        call("Plain::required").success(),
        call("Pair::required").success(),
        call("Fn::required").success(),
    ]);
}

struct Store {
    fail: bool,
}

/// Arguments of the block, and arguments of its methods that replace them.
#[monitored(task = "block", only_pub, buckets = [1.25, 2.25], prefix = "S")]
impl Store {
    pub fn plain(&self) -> Result<(), String> {
        if self.fail {
            Err("no".to_owned())
        } else {
            Ok(())
        }
    }

    pub(crate) fn restricted(&self) -> bool {
        self.private()
    }

    fn private(&self) -> bool {
        self.fail
    }

    #[monitored(labels(fail = self.fail))]
    fn private_with_its_own(&self) {}

    #[monitored(skip)]
    pub fn skipped(&self) -> bool {
        !self.fail
    }

    #[monitored(task = "method", buckets = [3.25])]
    pub fn other_task(&self) -> Result<(), String> {
        self.plain()
    }

    #[monitored(method = "Renamed", health = false)]
    pub async fn renamed(&self) -> Result<(), String> {
        pause().await;
        Err("no".to_owned())
    }

    #[monitor_core::monitored(task = "path", error_type = "other")]
    pub(self) fn by_path(&self) {}
}

#[test]
fn a_method_goes_before_its_block() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let store = Store { fail: true };
        let _ = (
            store.plain(),
            store.restricted(),
            store.private(),
            store.skipped(),
        );
        store.private_with_its_own();
        let _ = Store { fail: false }.other_task();
        let _ = ready(store.renamed());
        store.by_path();
    });
    probe.recorded().assert_exactly([
        call("S::plain").failure("other"),
        call("S::plain").success(),
        call("S::private_with_its_own")
            .label("fail", "true")
            .success(),
        call("S::other_task").success(),
        call("Renamed").failure("other"),
        call("S::by_path").success(),
        task("block", TaskStatus::Ok),
        task("method", TaskStatus::Ok),
        task("path", TaskStatus::Ok),
    ]);
    let page = crate::names::page(&probe);
    let bounds = |name| crate::names::bounds(&page, name);
    for name in ["S::plain", "S::private_with_its_own", "Renamed"] {
        assert!(
            bounds(name).contains(&1.25) && bounds(name).contains(&2.25),
            "{name}"
        );
    }
    let own = bounds("S::other_task");
    assert!(own.contains(&3.25) && !own.contains(&1.25), "{own:?}");
}

struct Healthless;

#[monitored(health = false)]
impl Healthless {
    fn silent() -> Result<(), String> {
        Err("no".to_owned())
    }

    #[monitored(health = true)]
    fn heard() -> Result<(), String> {
        Err("no".to_owned())
    }

    #[monitored(task = "heard under a name")]
    fn named() -> Result<(), String> {
        Err("no".to_owned())
    }
}

#[test]
fn health_of_a_block_is_its_methods_unless_they_say_so() {
    let probe = Recorder::new();
    probe.scope_sync(Healthless::silent).expect_err("an error");
    let recorded = probe.take();
    recorded.assert_exactly([call("Healthless::silent").failure("other")]);
    assert_eq!(recorded.task("default"), None);
    probe.scope_sync(Healthless::heard).expect_err("an error");
    assert_eq!(
        probe.take().task("Healthless::heard"),
        Some((TaskStatus::OtherException, 1))
    );
    probe.scope_sync(Healthless::named).expect_err("an error");
    probe.take().assert_exactly([
        call("Healthless::named").failure("other"),
        task("heard under a name", TaskStatus::OtherException),
    ]);
}

mod facade {
    pub(super) use monitor_core as inner;
}

struct Elsewhere;

#[monitored(crate = facade::inner)]
impl Elsewhere {
    #[monitored(labels(on = on))]
    fn through(on: bool) {}
}

#[test]
fn a_block_may_find_the_crate_through_a_re_export() {
    let ((), recorded) = testing::record(|| Elsewhere::through(true));
    recorded.assert_exactly([call("Elsewhere::through").label("on", "true").success()]);
}

struct Places;

#[monitored]
impl Places {
    #[monitored(method = "two in a block")]
    fn one() -> u32 {
        line!() - 1
    }

    #[monitored(method = "two in a block")]
    fn other() -> u32 {
        line!() - 1
    }
}

#[test]
fn a_method_of_a_block_has_its_own_place() {
    let (lines, _) = testing::record(|| [Places::one(), Places::other()]);
    let warnings = Monitor::new(StorageConfig::default()).start_up_warnings(Profile::default());
    let shared = warnings.iter().find_map(|warning| match warning {
        StartUpWarning::SharedMethod(shared) if shared.method == "two in a block" => Some(shared),
        _ => None,
    });
    let shared = shared.expect("two of one name");
    assert_eq!(
        [shared.first, shared.other],
        lines.map(|line| (file!(), line))
    );
}

#[derive(Clone, Copy, monitor_core::MonitorLabel)]
enum Side {
    Left,
    Right,
}

struct Shelf(Side);

fn kind(error: &String) -> &'static str {
    if error == "full" { "SHELF" } else { "other" }
}

#[monitored(error_type = "SHELF", expected("SHELF"), labels(side = self.0))]
impl Shelf {
    fn new(side: Side) -> Self {
        Self(side)
    }

    fn put(&self, fail: bool) -> Result<Side, String> {
        if fail {
            Err("full".to_owned())
        } else {
            Ok(self.0)
        }
    }

    async fn put_later(&self) -> Result<Side, String> {
        pause().await;
        self.put(true)?;
        Ok(self.0)
    }

    #[monitored(error_type = "OWN", expected("other"), labels(empty = empty))]
    fn own(&self, empty: bool) -> Result<Side, String> {
        if empty {
            Err("own".to_owned())
        } else {
            Ok(self.0)
        }
    }

    fn never(&self) -> ! {
        panic!("on {} shelf", self.0 as u8)
    }
}

#[monitored(prefix = "ByFunction", error_type = kind, labels(side = side))]
impl Shelf {
    fn result(side: Side) -> Result<(), String> {
        Err("full".to_owned())
    }

    fn plain(side: Side) {}
}

#[test]
fn error_types_and_labels_of_a_block_hold_for_its_methods() {
    let probe = Recorder::builder().build();
    probe.scope_sync(|| {
        let shelf = Shelf::new(Side::Right);
        let _ = (shelf.put(false), shelf.put(true), ready(shelf.put_later()));
        let _ = (shelf.own(true), Shelf::result(Side::Left));
        Shelf::plain(Side::Right);
    });
    assert!(probe.catch(|| Shelf(Side::Left).never()).is_err());
    let recorded = probe.recorded();
    let of = |method, side| call(method).label("side", side);
    recorded.assert_exactly([
        call("Shelf::new").success(),
        of("Shelf::put", "right").success(),
        of("Shelf::put", "right").failure("SHELF").times(2),
        of("Shelf::put_later", "right").failure("SHELF"),
        call("Shelf::own").label("empty", "true").failure("OWN"),
        of("Shelf::never", "left").panicked(),
        of("ByFunction::result", "left").failure("SHELF"),
        of("ByFunction::plain", "right").success(),
    ]);
    assert_eq!(recorded.task("Shelf::put_later"), None, "all are expected");
    assert_eq!(
        recorded.task("Shelf::own"),
        Some((TaskStatus::OtherException, 1))
    );
}

mod letters {
    use monitor_core::{MonitorLabel, monitored};

    /// Named like a type parameter.
    #[derive(Clone, Copy, MonitorLabel)]
    pub(super) enum A {
        One,
        Two,
    }

    pub(super) struct Choice<B>(pub(super) B);

    #[monitored(labels(choice = choice))]
    impl Choice<A> {
        pub(super) fn of_block(&self, choice: A) {
            let _ = (self.0, choice);
        }
    }
}

#[monitored(method = "Choice::by_path", labels(choice = choice))]
fn by_path(choice: letters::A) {
    let _ = choice;
}

impl<B: Copy + monitor_core::MonitorLabel> letters::Choice<B> {
    #[monitored(method = "Choice::generic", labels(choice = choice, other = (*other)))]
    fn generic(&self, choice: B, other: &B) {
        let _ = (self.0, choice, other);
    }
}

#[test]
fn a_label_enum_named_like_a_type_parameter_has_its_series_from_the_start() {
    let mut config = StorageConfig::default();
    config.preregister = true;
    let monitor = Monitor::new(config);
    let values = |method: &str| {
        let snapshot = monitor.snapshot();
        let methods = snapshot.methods.iter().filter(|one| &*one.name == method);
        let labels = methods.flat_map(|one| one.labels.iter().map(|label| label.value.to_string()));
        labels.collect::<Vec<_>>()
    };
    assert_eq!(values("Choice::of_block"), ["one", "two"]);
    assert_eq!(values("Choice::by_path"), ["one", "two"]);
    assert!(
        values("Choice::generic").is_empty(),
        "its type is not known yet"
    );
    monitor.scope_sync(|| {
        letters::Choice(letters::A::One).of_block(letters::A::Two);
        by_path(letters::A::One);
        letters::Choice(letters::A::Two).generic(letters::A::One, &letters::A::Two);
    });
    assert_eq!(values("Choice::of_block"), ["one", "two"]);
    assert_eq!(
        values("Choice::generic").len(),
        8,
        "four label sets of two labels"
    );
}
