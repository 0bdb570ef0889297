//! The table of methods: its rows, its deltas and its sizes.

use super::*;

/// The rows of an answer by their ids.
fn by_id(answer: &Value) -> Map<String, Value> {
    let rows = answer["rows"].as_array().expect("rows").iter();
    rows.map(|row| (row[0].to_string(), row.clone())).collect()
}

/// The rows of a client that asks for cells, as `docs/api.md` has it.
struct CellClient {
    /// As of the last answer that had all.
    all: Map<String, Value>,
    all_tick: u64,
    /// Those that were in an answer since.
    shown: Map<String, Value>,
    /// The ids that were in view at the last answer.
    view: Vec<u32>,
    tick: u64,
}

impl CellClient {
    fn new(full: &Value, tick: u64) -> Self {
        Self {
            all: by_id(full),
            all_tick: tick,
            shown: Map::new(),
            view: Vec::new(),
            tick,
        }
    }

    fn add_all(&mut self, answer: &Value, tick: u64) {
        apply(&mut self.all, answer);
        self.shown.clear();
        self.view.clear();
        (self.all_tick, self.tick) = (tick, tick);
    }

    fn add_shown(&mut self, answer: &Value, tick: u64) {
        apply(&mut self.shown, answer);
        self.tick = tick;
    }
}

/// Whole rows, and cells of rows that are there.
fn apply(rows: &mut Map<String, Value>, answer: &Value) {
    assert_eq!(answer["full"], false);
    rows.extend(by_id(answer));
    for (name, cells) in answer["cells"].as_object().expect("cells") {
        let col = table::COLS.iter().position(|col| col == name);
        for pair in cells.as_array().expect("cells").chunks(2) {
            rows[&pair[0].to_string()][col.expect("a column")] = pair[1].clone();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_table_and_its_deltas_are_the_whole_table(
        slots in proptest::collection::vec((proptest::collection::btree_map(0u32..8, (0u64..9, 0u64..4), 0..8), any::<bool>()), 1..40),
    ) {
        let mut watch = watch(3);
        let tables = Tables::default();
        let mut own: Option<(u64, Map<String, Value>)> = None;
        for (tick, (methods, is_asked)) in slots.into_iter().enumerate() {
            let most = methods.keys().max().map_or(0, |id| *id as usize + 1);
            let book = watch.book_mut();
            for id in book.methods.len()..most {
                book.methods.push(format!("Method{id}").into());
            }
            let tick = tick as u64;
            feed(&mut watch, tick, methods.iter().map(|(id, (begun, failed))| calls(*id, *begun, *failed)).collect());
            if !is_asked {
                continue;
            }
            let full = methods_of(&whole(&watch), Wanted::default(), &tables);
            let rows = match own {
                None => by_id(&full),
                Some((seen, mut rows)) => {
                    let delta = methods_of(&since(&watch, seen), Wanted::default(), &tables);
                    rows.extend(by_id(&delta));
                    rows
                }
            };
            prop_assert_eq!(&rows, &by_id(&full));
            own = Some((tick, rows));
        }
    }

    /// A client that shows some rows, asks for their cells each time, for all now and then, and scrolls.
    #[test]
    fn a_table_and_its_cells_are_the_whole_table(
        slots in proptest::collection::vec((proptest::collection::btree_map(0u32..8, (0u64..9, 0u64..4), 0..8), 0u32..6, any::<bool>()), 1..40),
    ) {
        let mut watch = watch(8);
        let tables = Tables::default();
        let mut client: Option<CellClient> = None;
        for (tick, (methods, first, is_all)) in slots.into_iter().enumerate() {
            let tick = tick as u64;
            feed(&mut watch, tick, methods.iter().map(|(id, (begun, failed))| calls(*id, *begun, *failed)).collect());
            let full = methods_of(&whole(&watch), Wanted::default(), &tables);
            let Some(client) = &mut client else {
                client = Some(CellClient::new(&full, tick));
                continue;
            };
            let in_view: Vec<u32> = (first..first + 3).collect();
            if is_all {
                let wanted = Wanted::default().cells(Vec::new());
                client.add_all(&methods_of(&since(&watch, client.all_tick), wanted, &tables), tick);
                prop_assert_eq!(&client.all, &by_id(&full));
            }
            // What was out of view since the last answer is not known.
            let new: Vec<u32> = in_view.iter().copied().filter(|id| !client.view.contains(id)).collect();
            client.view.clone_from(&in_view);
            let wanted = Wanted::new(Vec::new(), Some(in_view.clone())).cells(new);
            client.add_shown(&methods_of(&since(&watch, client.tick), wanted, &tables), tick);
            let full = by_id(&full);
            for id in in_view {
                prop_assert_eq!(&client.shown[&id.to_string()], &full[&id.to_string()]);
            }
        }
    }

    #[test]
    fn hostile_names_are_only_text(name in "\\PC{0,40}", control in "[\u{0}-\u{1f}\u{7f}\u{202a}-\u{202e}<>\"'\\\\&]{0,20}") {
        let mut schema = ApiSchema::strict();
        let api = api();
        let mut watch = watch(2);
        let name = format!("{name}{control}{name}");
        watch.book_mut().methods[1] = name.as_str().into();
        watch.book_mut().types[0] = name.as_str().into();
        for tick in 0..5 {
            feed(&mut watch, tick, vec![calls(0, 4, 0), calls(1, 9, 5)]);
        }
        let shown = json::shown(&name).into_owned();
        for (of, answer) in answers(&api, &watch) {
            let bytes = answer.to_string();
            prop_assert!(!bytes.chars().any(|c| c.is_control() && c != '\u{7f}' && !('\u{80}'..='\u{9f}').contains(&c)), "{of}");
            let read: Value = serde_json::from_str(&bytes).expect("JSON");
            schema.check(of, &read);
            if of == "methods" {
                prop_assert_eq!(read["rows"][1][1].as_str(), Some(&*shown));
            }
        }
    }
}

#[test]
fn rows_out_of_view_are_sent_where_their_state_changed_alone() {
    let mut watch = watch(3);
    let tables = Tables::default();
    feed(
        &mut watch,
        0,
        vec![calls(0, 3, 0), calls(1, 3, 0), calls(2, 3, 0)],
    );
    methods_of(&whole(&watch), Wanted::default(), &tables);
    feed(
        &mut watch,
        1,
        vec![calls(0, 4, 0), calls(1, 4, 0), calls(2, 4, 0)],
    );
    let of = |rows: Option<Vec<u32>>| {
        let wanted = Wanted::new(Vec::new(), rows);
        let answer = methods_of(&since(&watch, 0), wanted, &tables);
        assert_eq!(answer["full"], false);
        by_id(&answer).keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(None), ["0", "1", "2"]);
    assert_eq!(of(Some(vec![1])), ["1"]);
    assert_eq!(of(Some(Vec::new())), [""; 0]);
    // Of a slot that no client asked for nothing is kept.
    feed(&mut watch, 2, vec![calls(0, 4, 0)]);
    feed(&mut watch, 3, vec![calls(0, 4, 0)]);
    let answer = methods_of(&since(&watch, 2), Wanted::default(), &tables);
    assert_eq!(answer["full"], true);
    assert!(answer["usual"].is_object());
}

#[test]
fn numbers_of_a_row_are_those_of_the_last_30_seconds() {
    let mut watch = watch(3);
    for tick in 0..40 {
        let failed = if tick >= 25 { 2 } else { 0 };
        feed(&mut watch, tick, vec![calls(1, 4, failed)]);
    }
    let answer = methods_of(&whole(&watch), Wanted::default(), &Tables::default());
    let row = &answer["rows"][1];
    let cell = |name: &str| {
        let at = table::COLS.iter().position(|col| *col == name);
        row[at.expect("a column")].clone()
    };
    assert_eq!(cell("rate"), 2);
    assert_eq!(cell("failed"), 0.5);
    assert_eq!(cell("errors"), serde_json::json!([["timed out", 1, 1]]));
    assert_eq!((cell("in_flight"), cell("oldest")), (1.into(), 1.into()));
    assert_eq!(cell("entry"), 1);
    let never = &answer["rows"][0];
    assert_eq!(never[4], 0);
    assert_eq!(never[5], Value::Null);
    assert_eq!(never[7], Value::Null);
}

#[test]
fn five_thousand_methods_are_a_table_of_a_bounded_size() {
    let mut watch = watch(5000);
    for tick in 0..20 {
        let methods =
            (0..5000).map(|id| calls(id, 1 + u64::from(id % 7), u64::from(id.is_multiple_of(20))));
        feed(&mut watch, tick, methods.collect());
    }
    let tables = Tables::default();
    let [mut times, mut locked, mut added_up] = [const { Vec::new() }; 3];
    let mut size = 0;
    for _ in 0..5 {
        let begin = Instant::now();
        let look = whole(&watch);
        look.recent();
        added_up.push(begin.elapsed());
        let lines = Lines::read(&look, Wanted::default(), &tables);
        locked.push(begin.elapsed());
        size = lines.answer(&tables).len();
        times.push(begin.elapsed());
    }
    times.sort();
    locked.sort();
    added_up.sort();
    // The time is printed alone: a busy machine has no bar that a slow function could not keep.
    println!(
        "methods of 5,000: {size} bytes in {:?}, of which the history is locked for {:?}, {:?} to add calls up",
        times[0], locked[0], added_up[0]
    );
    assert!(size < 5000 * 80, "{size}");
    let delta = methods_of(&since(&watch, 19), Wanted::default(), &tables);
    assert_eq!(delta["rows"], serde_json::json!([]));
}

/// Sizes as the specification of the page measured them on its own data. Bars are a tenth above what was measured.
#[test]
fn sizes_of_answers_are_bounded() {
    let mut watch = watch(200);
    // Of a hundred methods each slot is another one, and of the rest all are alike.
    let methods = |tick: u64| -> Vec<MethodSlot> {
        let failed = |id: u32| u64::from(id.is_multiple_of(20) && tick > 400);
        let begun = |id: u32| 2 + u64::from(id) % 9 + if id < 100 { tick % 7 } else { 0 };
        (0..200)
            .map(|id| calls(id, begun(id), failed(id)))
            .collect()
    };
    for tick in 0..462 {
        feed(&mut watch, tick, methods(tick));
    }
    let api = api();
    let beside = series::Beside::of(&api);
    let look = whole(&watch);
    let print = |name: &str, answer: &Value, most: usize| {
        let bytes = answer.to_string().into_bytes();
        println!(
            "{name}: {} bytes, {} in gzip",
            bytes.len(),
            gzipped(&bytes, GZIP_LEVEL).len()
        );
        assert!(bytes.len() < most, "{name}: {}", bytes.len());
    };
    let of_range = |look: &Look<'_>| series::overview_of(look, Range::Minutes15, &beside);
    print("overview of 450 slots", &of_range(&look), 18_500);
    print("its delta", &of_range(&since(&watch, 460)), 4_600);
    // With its events, and in its heat map expected calls apart from those that count. The design's had 19,778.
    print(
        "one method",
        &method_of(&look, 20, Range::Minutes15),
        12_000,
    );
    let first = methods_of(&look, Wanted::default(), &api.tables);
    print("200 methods", &first, 35_000);
    let shown = Wanted::new((0..40).collect(), None);
    let curves = methods_of(&look, shown, &api.tables);
    print("200 methods, 40 curves", &curves, 38_500);
    feed(&mut watch, 462, methods(462));
    let some = Wanted::new(Vec::new(), Some((0..40).collect()));
    let changed = methods_of(&since(&watch, 461), Wanted::default(), &api.tables);
    // Rows of methods that do the same as before are not sent.
    assert_eq!(by_id(&changed).len(), 100);
    print("delta of 100 that changed", &changed, 9_000);
    let in_view = methods_of(&since(&watch, 461), some, &api.tables);
    // Beside those in view, the few whose state changed.
    assert!((40..50).contains(&by_id(&in_view).len()), "{in_view}");
    print("of 40 in view", &in_view, 4_100);
}

/// Methods at rates from one call in 20 s to 200 a second, each of whose slots is another one.
#[test]
fn a_delta_of_two_hundred_busy_methods_is_small() {
    let mut watch = watch(200);
    let mut seed = 1u64;
    let mut random = move || {
        // Knuth's 64-bit generator; its upper half is good enough here.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        json::double(seed >> 40) / json::double(1 << 24)
    };
    let mut slot = |_tick: u64| -> Vec<MethodSlot> {
        let methods = (0..200u32).map(|id| {
            let rate = 0.1 * 4000f64.powf(f64::from(id) / 200.0);
            // About a Poisson number: its mean, and a deviation of its root.
            let spread = (0..12).map(|_| random()).sum::<f64>() - 6.0;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count"
            )]
            let begun = (rate + spread * rate.sqrt() + random()).max(0.0) as u64;
            let middle = -80 + i16::try_from(id % 40).expect("small");
            let mut cells = std::collections::BTreeMap::new();
            for _ in 0..begun {
                let away = (0..4).map(|_| random()).sum::<f64>() * 8.0;
                #[expect(clippy::cast_possible_truncation, reason = "a cell")]
                let cell = middle + away as i16;
                *cells.entry(cell).or_insert(0) += 1;
            }
            MethodSlot {
                method: id,
                begun,
                entries: begun,
                ok: Cells(cells.into_iter().collect()),
                busy: json::double(begun) * 0.003,
                in_flight: u64::from(random() < rate * 0.0015),
                oldest: random() * 0.01,
                ..MethodSlot::default()
            }
        });
        methods
            .filter(|calls| calls.begun + calls.in_flight > 0)
            .collect()
    };
    for tick in 0..700 {
        feed(&mut watch, tick, slot(tick));
    }
    let tables = Tables::default();
    let full = Lines::read(&whole(&watch), Wanted::default(), &tables).answer(&tables);
    let in_view: Vec<u32> = (80..120).collect();
    let [mut all, mut shown] = [Vec::new(), Vec::new()];
    for tick in 700..730 {
        feed(&mut watch, tick, slot(tick));
        let size = |wanted: Wanted| {
            let lines = Lines::read(&since(&watch, tick - 1), wanted, &tables);
            lines.answer(&tables).len()
        };
        all.push(size(Wanted::default().cells(Vec::new())));
        shown.push(size(
            Wanted::new(Vec::new(), Some(in_view.clone())).cells(Vec::new()),
        ));
    }
    for sizes in [&mut all, &mut shown] {
        sizes.sort_unstable();
    }
    println!(
        "200 methods: {} bytes; deltas of 2 s: median {}, most {}; of 40 in view: median {}, most {}",
        full.len(),
        all[15],
        all[29],
        shown[15],
        shown[29]
    );
    assert!(all[15] < 4000, "{all:?}");
    assert!(shown[29] < 4000, "{shown:?}");
}

/// The finding of its caller is led to it before it has one of its own.
#[test]
fn a_method_at_fault_has_its_level_as_soon_as_the_headline_names_it() {
    let mut watch = watch(2);
    let slot = |method, ok, failed: u64| MethodSlot {
        entries: if method == 0 { ok + failed } else { 0 },
        callers: (method == 1)
            .then(|| CallerSlot {
                caller: 0,
                begun: ok + failed,
                failed,
            })
            .into_iter()
            .collect(),
        failures: (failed > 0)
            .then(|| FailureSlot {
                error_type: 0,
                kind: FailureKind::Counts,
                cells: Cells(vec![(8, failed)]),
            })
            .into_iter()
            .collect(),
        ok: Cells(if ok > 0 { vec![(-40, ok)] } else { Vec::new() }),
        ..calls(method, ok + failed, 0)
    };
    let mut named = 0;
    for tick in 0..11 {
        let [above, below] = if tick < 5 {
            [(20, 0), (20, 0)]
        } else {
            [(0, 12), (8, 10)]
        };
        let methods = vec![slot(0, above.0, above.1), slot(1, below.0, below.1)];
        feed(&mut watch, tick, methods);
        if watch.headline().method.as_deref() != Some("Method1") {
            continue;
        }
        named += 1;
        let look = whole(&watch);
        let answer = method_of(&look, 1, Range::Minutes15);
        assert_eq!(answer["state"], "failing", "{tick}");
        assert_eq!(answer["level"]["failed"], "bad", "{tick}");
        let change = watch.method_state(1);
        assert_eq!(change.through, None);
    }
    assert!(named > 0);
}
