//! Random plans: what each call of a tree does, as plain data.

use crate::truth::Method;

/// An asynchronous call, or a stream.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) steps: Vec<Step>,
}

/// One thing that an asynchronous call does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Is pending so many times.
    Yield(usize),
    /// Awaits a call.
    Await(Plan),
    /// Awaits calls with `join_all`.
    Join(Vec<Plan>),
    /// Awaits two with `join!`.
    JoinTwo(Plan, Plan),
    /// Awaits the first of two with `select!`, which drops the other.
    Race(Plan, Plan),
    /// Awaits calls in a `FuturesUnordered`, with a synchronous call after each.
    Unordered(Vec<Plan>),
    /// Reads so many items of a stream, with a synchronous call after each, and drops it.
    Stream(Plan, usize),
    /// Awaits a task that is a part of this call.
    Spawn(Plan),
    /// Starts one and does not wait for it.
    Detach(Plan),
    /// Awaits a task of its own.
    SpawnEntry(Plan),
    /// Awaits a call as an entry call.
    Root(Plan),
    /// Starts a task that is part of this call, and aborts it after so many yields.
    Abort(Plan, usize),
    /// Makes a future and drops it.
    Unpolled(Plan),
    /// Polls a future so many times and drops it.
    DropSuspended(Plan, usize),
    /// Polls a future once and awaits the rest of it in another task.
    Moved(Plan),
    /// Awaits a call and catches its panic.
    Caught(Plan),
    /// Blocks a thread of the runtime on a call.
    BlockOn(Plan),
    /// A synchronous call.
    Sync(SyncPlan),
    /// A synchronous call in `block_in_place`.
    BlockInPlace(SyncPlan),
    /// The steps, while a local is alive whose destructor makes a call.
    Destructor(Vec<Self>),
    /// The steps, while a guard of a method is alive.
    Manual(Vec<Self>),
    /// Fails, where the function can.
    Fail,
    Panic,
    /// Is pending for good.
    Hang,
}

/// A synchronous call.
#[derive(Debug)]
pub(crate) struct SyncPlan {
    pub(crate) method: Method,
    pub(crate) steps: Vec<SyncStep>,
}

/// One thing that a synchronous call does.
#[derive(Debug)]
pub(crate) enum SyncStep {
    Call(SyncPlan),
    /// Calls and catches the panic.
    Caught(SyncPlan),
    /// Calls on another thread, as a part of this call.
    Thread(SyncPlan),
    /// Calls on another thread, as an entry call.
    ThreadEntry(SyncPlan),
    Fail,
    Panic,
}

/// What a plan may do at its place.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Calls around it.
    depth: usize,
    /// Whether a panic is caught.
    is_caught: bool,
    /// Whether the future is dropped in any case: then it may hang.
    is_dropped: bool,
    waits: Waits,
}

/// What a call may wait for, so that no two wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    /// Neither for a permit nor by blocking its thread: it is in a call that a thread is blocked on. Two such calls on
    /// one thread would share its wake-ups, and the inner one take those of the outer one's neighbours.
    WithoutBlocking,
    /// Not for a permit: a call around it has one, or keeps others that may have one from being polled.
    WithoutPermit,
    Freely,
}

impl Place {
    const ROOT: Self = Self {
        depth: 0,
        is_caught: false,
        is_dropped: false,
        waits: Waits::Freely,
    };

    fn of_task(self) -> Self {
        Self {
            is_caught: true,
            is_dropped: false,
            waits: self.waits.max(Waits::WithoutPermit),
            ..self
        }
    }

    fn without_permit(self) -> Self {
        Self {
            waits: self.waits.min(Waits::WithoutPermit),
            ..self
        }
    }

    fn dropped(self) -> Self {
        Self {
            is_dropped: true,
            ..self
        }
    }

    fn blocking(self) -> Self {
        Self {
            is_dropped: false,
            waits: Waits::WithoutBlocking,
            ..self
        }
    }

    fn caught(self) -> Self {
        Self {
            is_caught: true,
            ..self
        }
    }

    /// The place inside of a call of `method`.
    fn inside(self, method: Method) -> Self {
        let place = Self {
            depth: self.depth + 1,
            ..self
        };
        match method {
            Method::Limited | Method::Stream => place.without_permit(),
            _ => place,
        }
    }

    fn is_leaf(self, calls_left: usize) -> bool {
        self.depth >= DEEPEST || calls_left == 0
    }
}

const DEEPEST: usize = 6;
const CHILDREN: usize = 4;

/// Makes plans from a seed.
pub(crate) struct Planner {
    state: u64,
    calls_left: usize,
}

impl Planner {
    /// A tree of some `calls` calls: the plan of an entry call.
    pub(crate) fn tree(seed: u64, calls: usize) -> Plan {
        let mut planner = Self {
            state: seed,
            calls_left: calls,
        };
        let method = planner.method(Place::ROOT);
        let place = Place::ROOT.inside(method);
        let mut steps = Vec::new();
        while planner.calls_left > 0 {
            steps.push(planner.step(place));
        }
        Plan { method, steps }
    }

    /// The next number of the generator `SplitMix64` (Steele et al., "Fast splittable pseudorandom number generators",
    /// 2014), below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let limit = u64::try_from(limit).unwrap_or(1);
        usize::try_from((mixed ^ (mixed >> 31)) % limit).unwrap_or(0)
    }

    fn method(&mut self, place: Place) -> Method {
        match self.below(8) {
            0 | 1 => Method::InPlace,
            2 => Method::Wrapped,
            3 => Method::Returned,
            4 => Method::Boxed,
            5 => Method::Handle,
            6 => Method::Labelled,
            _ if place.waits == Waits::Freely => Method::Limited,
            _ => Method::Wrapped,
        }
    }

    fn plan(&mut self, place: Place) -> Plan {
        let method = self.method(place);
        self.plan_of(method, place)
    }

    fn plan_of(&mut self, method: Method, place: Place) -> Plan {
        self.calls_left = self.calls_left.saturating_sub(1);
        let place = place.inside(method);
        let steps = self.steps(place);
        Plan { method, steps }
    }

    fn steps(&mut self, place: Place) -> Vec<Step> {
        let count = self.below(CHILDREN);
        (0..count).map(|_| self.step(place)).collect()
    }

    fn plans(&mut self, place: Place) -> Vec<Plan> {
        let count = self.below(CHILDREN) + 1;
        (0..count).map(|_| self.plan(place)).collect()
    }

    fn step(&mut self, place: Place) -> Step {
        let is_leaf = place.is_leaf(self.calls_left);
        match self.below(if is_leaf { 5 } else { 32 }) {
            0 | 1 => Step::Yield(self.below(3) + 1),
            2 => Step::Fail,
            3 if place.is_caught && self.below(3) == 0 => Step::Panic,
            4 if place.is_dropped => Step::Hang,
            3..=5 => Step::Sync(self.sync(place)),
            6 => Step::BlockInPlace(self.sync(place)),
            7..=9 => Step::Await(self.plan(place)),
            choice => self.nested(choice, place),
        }
    }

    /// A step that starts calls.
    fn nested(&mut self, choice: usize, place: Place) -> Step {
        let task = place.of_task();
        match choice {
            10 | 11 => Step::Join(self.plans(place)),
            12 => Step::JoinTwo(self.plan(place), self.plan(place)),
            13 | 14 => Step::Race(
                self.plan(place),
                self.plan(place.dropped().without_permit()),
            ),
            15 | 16 => Step::Unordered(self.plans(place)),
            17 => Step::Root(self.plan(place)),
            18 | 19 => Step::Spawn(self.plan(task)),
            20 => Step::Detach(self.plan(task)),
            21 => Step::SpawnEntry(self.plan(task)),
            22 => Step::Moved(self.plan(task)),
            23 => Step::Abort(self.plan(task.dropped().without_permit()), self.below(4)),
            24 => Step::Unpolled(self.plan(place)),
            25 => Step::DropSuspended(self.plan(place.dropped()), self.below(3) + 1),
            26 if place.waits > Waits::WithoutBlocking => {
                Step::BlockOn(self.plan(place.blocking()))
            }
            27 => Step::Destructor(self.steps(place)),
            28 => Step::Manual(self.steps(place)),
            29 | 30 => Step::Stream(
                self.plan_of(Method::Stream, place),
                self.below(CHILDREN + 1),
            ),
            _ => Step::Caught(self.plan(place.caught())),
        }
    }

    fn sync(&mut self, place: Place) -> SyncPlan {
        self.calls_left = self.calls_left.saturating_sub(1);
        let method = match self.below(2) {
            0 => Method::Sync,
            _ => Method::SyncFails,
        };
        let place = place.inside(method);
        let count = self.below(3);
        let steps = (0..count).map(|_| self.sync_step(place)).collect();
        SyncPlan { method, steps }
    }

    fn sync_step(&mut self, place: Place) -> SyncStep {
        let caught = place.caught();
        let is_leaf = place.is_leaf(self.calls_left);
        match self.below(if is_leaf { 2 } else { 10 }) {
            0 if place.is_caught => SyncStep::Panic,
            0 | 1 => SyncStep::Fail,
            2 => SyncStep::Thread(self.sync(caught)),
            3 => SyncStep::ThreadEntry(self.sync(caught)),
            4 | 5 => SyncStep::Caught(self.sync(caught)),
            _ => SyncStep::Call(self.sync(place)),
        }
    }
}
