//! Answers that continue earlier ones: what the page has put together is what the server would say at once.

use monitor_server::MonitorConfig;
use monitor_tests::live_page::{go, lines, settle};

use crate::support::{Load, Served, browser, none, until_recorded};

/// Differences between the page's answer and a whole one of the same tick, which is asked for beside it.
const DIFFERENCES: &str = "
    const { page, refresh } = await import('/page.js');
    const same = (a, b) => (a === null || Number.isNaN(a) ? b === null || Number.isNaN(b) : a === b);
    for (let tries = 0; tries < 300; tries += 1) {
      const whole = await (await fetch(path)).json();
      const merged = page.answer;
      if (!merged || merged.tick !== whole.tick) {
        // A page that always asks just before a tick is behind until then: now and then it asks at another moment.
        if (tries % 20 === 19) refresh();
        await new Promise(done => setTimeout(done, 60));
        continue;
      }
      const found = [];
      const groups = [[whole, merged, ''], [whole.in_flight, merged.in_flight, 'in flight '], [whole.outcomes, merged.outcomes, 'outcomes ']];
      for (const [fresh, old, title] of groups) {
        if (!fresh?.series) continue;
        const named = Array.isArray(fresh.series) ? { one: fresh.series } : fresh.series;
        for (const [name, values] of Object.entries(named)) {
          const own = Array.isArray(fresh.series) ? old.series : old.series[name];
          if (!own) { found.push(`${title}${name} is missing`); continue; }
          const shift = Math.round((fresh.t0 - old.t0) / fresh.step);
          values.forEach((value, at) => { const is = own[at + shift];
            if (!same(value, is === undefined ? null : is)) found.push(`${title}${name} at ${at} of ${values.length}: ${is}, really ${value}`); });
          if (own.length > shift + values.length) found.push(`${title}${name} has ${own.length - shift - values.length} slots too many`);
        }
      }
      if (whole.rows && whole.cols) {
        const own = new Map(merged.rows.map(row => [row[0], row]));
        if (own.size !== whole.rows.length) found.push(`${own.size} rows of ${whole.rows.length}`);
        for (const row of whole.rows) row.forEach((value, at) => {
          const is = own.get(row[0])?.[at];
          if (JSON.stringify(value) !== JSON.stringify(is)) found.push(`${row[1]}.${whole.cols[at]}: ${JSON.stringify(is)}, really ${JSON.stringify(value)}`); });
      }
      if (whole.heat) {
        const columns = Object.entries(whole.heat).filter(([, list]) => Array.isArray(list) && Array.isArray(list[0]));
        const shift = Math.round((whole.heat.t0 - merged.heat.t0) / whole.heat.step);
        const raise = 2 * Math.log2(whole.heat.lo / merged.heat.lo);
        for (const [kind, list] of columns) list.forEach((column, at) => {
          const is = merged.heat[kind]?.[at + shift] ?? [];
          const raised = column.map((n, nth) => (nth % 2 ? n : n + raise));
          if (JSON.stringify(raised) !== JSON.stringify(is)) found.push(`heat ${kind} at ${at}: ${is}, really ${raised}`); });
      }
      return found.slice(0, 12);
    }
    return ['the page and the server never had the same tick'];";

#[test]
fn what_deltas_continued_is_what_the_server_says_at_once() {
    let test = "what_deltas_continued_is_what_the_server_says_at_once";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default().methods(["Idle"]));
    let load = Load::start(served.monitor, &["Analyse", "FailingLookUp", "ShowText"]);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    let mut findings = Vec::new();
    for (screen, fragment, path) in [
        ("now", "#/now", "api/v1/overview"),
        ("methods", "#/methods", "api/v1/methods"),
        (
            "method",
            "#/method/FailingLookUp",
            "api/v1/methods/FailingLookUp",
        ),
    ] {
        go(&mut browser, screen, fragment);
        // Some polls, in which a method comes that was not there, and types of errors.
        std::thread::sleep(std::time::Duration::from_secs(5));
        let more = Load::start(served.monitor, &[&*format!("New{screen}"), "FailingLookUp"]);
        std::thread::sleep(std::time::Duration::from_secs(6));
        drop(more);
        let found = browser.run(&format!("const path = {path:?}; {DIFFERENCES}"));
        findings.extend(
            lines(&found)
                .into_iter()
                .map(|line| format!("{screen}: {line}")),
        );
    }
    drop(load);
    none(&findings);
}

/// A day of answers, one each 2 s, leaves series as long as their range.
#[test]
fn a_day_of_deltas_leaves_series_as_long_as_their_range() {
    let test = "a_day_of_deltas_leaves_series_as_long_as_their_range";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    browser.open(&served.url());
    let lengths = browser.run(
        "const { continueAnswer, wholeAnswer } = await import('/page.js');
         const lengths = {};
         for (const [range, step] of [['15m', 2], ['3h', 20], ['24h', 120]]) {
           const slot = t => ({ boot: 'a', tick: t / 2, now: t, t0: Math.floor(t / step) * step, step, full: false, series: { rate: [1], failed: [null] } });
           let whole = wholeAnswer({ ...slot(1e6), full: true });
           for (let t = 1e6 + 2; t <= 1e6 + 86400; t += 2) whole = continueAnswer(whole, slot(t), range);
           const last = whole.t0 + whole.step * whole.series.rate.length;
           lengths[range] = [whole.series.rate.length, whole.series.failed.length, last - 1e6];
         }
         return lengths;",
    );
    for (range, slots) in [("15m", 450.0), ("3h", 540.0), ("24h", 720.0)] {
        let of = |at: usize| lengths[range][at].as_f64().unwrap_or_default();
        assert!((slots..=slots + 2.0).contains(&of(0)), "{range}: {lengths}");
        assert!((of(0) - of(1)).abs() < 0.5, "{range}: {lengths}");
        assert!(
            of(2) >= 86_400.0,
            "{range} ends before its last answer: {lengths}"
        );
    }
}
