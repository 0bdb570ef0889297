//! The live page in a browser: its screens, and what holds on each of them, whatever the service is.
//!
//! The page marks on its root what it shows: `data-screen` is the screen's name once it has drawn with data, `data-state` the state of the
//! verdict. Checks give a line for each finding: none is right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, Theme};

/// Where no screen may scroll sideways: each end of each form of the frame, and widths in between.
pub const WIDTHS: [u32; 8] = [320, 390, 760, 820, 1100, 1280, 1440, 1680];

/// Names of screens, as `data-screen` has them.
pub const SCREENS: [&str; 8] = [
    "now", "methods", "method", "inflight", "health", "values", "runtime", "compare",
];

/// A page at an address, with a method whose screen is one of its screens.
#[derive(Debug, Clone)]
pub struct LivePage {
    /// With a slash at its end.
    address: String,
    method: String,
}

impl LivePage {
    /// Opens it and waits until it shows data. The method is the first one in the list, that which changed most, where none is given.
    pub fn open(browser: &mut Browser, address: &str, method: Option<&str>) -> Self {
        let address = format!("{}/", address.trim_end_matches('/'));
        browser.open(&address);
        browser.until(
            "Now shows data",
            "document.documentElement.dataset.screen === 'now'",
        );
        let method = method.map_or_else(|| first_method(browser), str::to_owned);
        Self { address, method }
    }

    /// The address of a screen.
    pub fn url(&self, screen: &str) -> String {
        format!("{}{}", self.address, self.fragment(screen))
    }

    fn fragment(&self, screen: &str) -> String {
        if screen == "method" {
            return method_fragment(&self.method);
        }
        format!("#/{screen}")
    }

    /// Shows a screen as a user does who follows a link, and waits until it has drawn with data.
    pub fn show(&self, browser: &mut Browser, screen: &str) {
        go(browser, screen, &self.fragment(screen));
    }
}

/// The fragment of a method's screen.
pub fn method_fragment(name: &str) -> String {
    // As `encodeURIComponent` does it, but for five more marks, which does no harm.
    let mut fragment = String::from("#/method/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            fragment.push(char::from(byte));
        } else {
            write!(fragment, "%{byte:02X}").expect("a text takes all");
        }
    }
    fragment
}

/// Goes to a fragment, and waits until the screen of this name has drawn with data, and the drawing is on the screen.
pub fn go(browser: &mut Browser, screen: &str, fragment: &str) {
    browser.run(&format!(
        "delete document.documentElement.dataset.screen; location.hash = {};",
        json!(fragment)
    ));
    settle(browser, screen);
}

/// Waits until the screen of this name has drawn with data, and the drawing is on the screen.
pub fn settle(browser: &mut Browser, screen: &str) {
    let shown = format!(
        "document.documentElement.dataset.screen === {}",
        json!(screen)
    );
    browser.until(&format!("{screen} shows data"), &shown);
    next_frame(browser);
}

/// Waits until what was drawn last is on the screen.
pub fn next_frame(browser: &mut Browser) {
    browser.run("await new Promise(done => requestAnimationFrame(() => setTimeout(done)));");
}

fn first_method(browser: &mut Browser) -> String {
    let name = browser.run(
        "const { cols, rows } = await (await fetch('api/v1/methods')).json();
         const [name, change] = [cols.indexOf('name'), cols.indexOf('change')];
         const score = row => row[change] ? row[change][5] : -1;
         return rows.toSorted((a, b) => score(b) - score(a))[0][name];",
    );
    name.as_str().expect("a method").to_owned()
}

/// What is beyond the right edge of the window, on the screen that is shown, at the width that the window has.
///
/// The page must not scroll sideways, and nothing may be cut off at the edge, unless it stands in a row that scrolls by itself.
pub fn beyond_the_edge(browser: &mut Browser) -> Vec<String> {
    let found = browser.run(
        "const wide = document.documentElement.clientWidth;
         const found = [];
         if (document.documentElement.scrollWidth > wide)
           found.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${wide}`);
         const scrolls = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
           if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX)) return true; return false; };
         for (const e of document.body.querySelectorAll('*')) {
           if (e.closest('svg') && e.localName !== 'svg') continue;
           const r = e.getBoundingClientRect();
           if (r.width && r.height && r.right > wide + 0.5 && !scrolls(e))
             found.push(`${e.localName}.${e.getAttribute('class') ?? ''} ends at ${Math.round(r.right)}: ${e.textContent.slice(0, 40)}`);
         }
         return found.slice(0, 4);",
    );
    lines(&found)
}

/// Texts of a filter row that lie on each other, and numbers of tables that are cut, on the screen that is shown.
pub fn overlapping_or_cut(browser: &mut Browser) -> Vec<String> {
    let found = browser.run(
        "const found = [];
         const box = node => { const range = document.createRange(); range.selectNodeContents(node); return range.getBoundingClientRect(); };
         const parts = [...document.querySelectorAll('.filter :is(input, kbd, button, .note)')].filter(part => part.offsetParent)
           .map(part => [part.textContent || part.localName, part.matches('.note') ? box(part) : part.getBoundingClientRect()]);
         parts.forEach(([text, a], at) => { for (const [other, b] of parts.slice(at + 1))
           if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5)
             found.push(`${text} lies on ${other}`); });
         for (const td of document.querySelectorAll('tbody td:is(.right, .s-figure)'))
           if (td.scrollWidth > td.clientWidth) found.push(`${td.className} is cut: ${td.textContent}`);
         return found.slice(0, 4);",
    );
    lines(&found)
}

/// Numbers for which their column has no room, of the widest that there are: each is put into its column, on all screens with such.
pub fn widest_numbers(browser: &mut Browser) -> Vec<String> {
    // Selectors of columns, and texts without their units.
    const WIDEST: [(&str, &str, &str); 6] = [
        ("methods", ".c-failed", "<0.01"),
        ("methods", ".c-oldest", "59\u{202f}min 59\u{202f}s"),
        (
            "inflight",
            ".c-age",
            "6\u{202f}min 11\u{202f}s – 12\u{202f}min 30\u{202f}s",
        ),
        ("compare", ".c-failed-a", "<0.01"),
        ("compare", ".c-failed-b", "<0.01"),
        ("compare", ".c-p95-change", "+105"),
    ];
    let mut findings = Vec::new();
    for (screen, column, text) in WIDEST {
        // A young process has no window before now.
        go(browser, screen, &format!("#/{screen}?a=now"));
        browser.until("there is a row", "document.querySelector('main tbody td')");
        for width in WIDTHS {
            browser.size(width, 900);
            next_frame(browser);
            let cut = browser.run(&format!(
                "const [column, text] = {};
                 const td = document.querySelector(`main tbody ${{column}}`);
                 if (!td) return false;
                 const [wide, unit] = [td.cloneNode(), document.createElement('span')];
                 unit.className = 'unit';
                 unit.textContent = text.includes(' ') ? '' : '\\u202f%';
                 wide.append(text, unit);
                 if (unit.textContent) wide.dataset.level = 'bad';
                 td.replaceWith(wide);
                 const isCut = wide.scrollWidth > wide.clientWidth;
                 wide.replaceWith(td);
                 return isCut;",
                json!([column, text])
            ));
            if cut == true {
                findings.push(format!(
                    "{screen} at {width}: {column} has no room for {text}"
                ));
            }
        }
    }
    findings
}

/// Whether each screen keeps within each width, also with a font that is wider than those of the systems.
pub fn widths(browser: &mut Browser, page: &LivePage) -> Vec<String> {
    let mut findings = Vec::new();
    for font in ["", "DejaVu Sans"] {
        for screen in SCREENS {
            page.show(browser, screen);
            browser.run(&format!(
                "const style = document.documentElement.style;
                 {font} ? style.setProperty('--font', {font}) : style.removeProperty('--font');",
                font = json!(font)
            ));
            for width in WIDTHS {
                browser.size(width, 900);
                next_frame(browser);
                let mut found = beyond_the_edge(browser);
                found.extend(overlapping_or_cut(browser));
                let named = found
                    .iter()
                    .map(|line| format!("{screen} at {width} {font}: {line}"));
                findings.extend(named);
            }
        }
    }
    browser.run("document.documentElement.style.removeProperty('--font');");
    findings
}

/// How many elements each screen has, and whether that is within its bounds.
pub fn nodes(browser: &mut Browser, page: &LivePage) -> Vec<String> {
    browser.size(1440, 900);
    let mut findings = Vec::new();
    for screen in SCREENS {
        page.show(browser, screen);
        let elements = browser.number("document.querySelectorAll('*').length");
        let bound = match screen {
            "now" => 600.0,
            "method" => 1200.0,
            _ => 2500.0,
        };
        if elements >= bound {
            findings.push(format!(
                "{screen} has {elements} elements, not below {bound}"
            ));
        }
    }
    findings
}

/// What axe finds on each screen in both themes at two widths. `axe` is its source.
pub fn accessibility(browser: &mut Browser, page: &LivePage, axe: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (width, height) in [(1440, 900), (390, 844)] {
        browser.size(width, height);
        for theme in Theme::ALL {
            browser.theme(theme);
            for screen in SCREENS {
                page.show(browser, screen);
                let found = browser.accessibility(axe);
                let named = found
                    .iter()
                    .map(|line| format!("{screen} at {width}, {}: {line}", theme.name()));
                findings.extend(named);
            }
        }
    }
    findings
}

/// Takes pictures of each screen in both themes at two widths, as `FOLDER/SCREEN-WIDTH-THEME.png`.
pub fn pictures(browser: &mut Browser, page: &LivePage, folder: &Path) {
    for (width, height) in [(1440, 900), (390, 844)] {
        for screen in SCREENS {
            browser.size(width, height);
            page.show(browser, screen);
            for theme in Theme::ALL {
                browser.theme(theme);
                next_frame(browser);
                picture(browser, folder, screen, width, theme);
            }
        }
    }
}

/// Takes a picture of what is shown, in one theme.
pub fn picture(browser: &mut Browser, folder: &Path, name: &str, width: u32, theme: Theme) {
    browser.picture(&folder.join(format!("{name}-{width}-{}.png", theme.name())));
}

/// How long it takes from asking for an address to a picture with data, seconds.
pub fn time_to_paint(browser: &mut Browser, url: &str) -> f64 {
    // A change of the fragment alone would load nothing.
    browser.open("about:blank");
    browser.open(url);
    browser.until("the picture is there", "window.paintedAt > 0");
    browser.number("window.paintedAt") / 1000.0
}

/// From here on each document notes when its first picture with data is there.
pub fn note_paint(browser: &mut Browser) {
    let source = "new MutationObserver((_, observer) => {
        if (!document.documentElement.dataset.screen) return;
        observer.disconnect();
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => window.paintedAt = performance.now();
          port2.postMessage(0);
        });
      }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-screen'] });";
    browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({ "source": source }),
    );
}

/// What a poll costs the page, seconds.
#[derive(Debug, Clone, Copy)]
pub struct PollCost {
    /// Its script.
    pub script: f64,
    /// Styles and layout that follow from it.
    pub layout: f64,
}

/// What a poll of a screen costs: of answers that are recorded for so much time, and drawn by a fresh page one after the other.
///
/// A page that waits for 2 s between two polls shows what it costs a processor to wake up instead: an empty timer costs as much as
/// half a poll then.
///
/// # Panics
///
/// Where less than three polls are recorded.
pub fn cost_of_a_poll(browser: &mut Browser, url: &str, screen: &str, time: Duration) -> PollCost {
    const RECORD: &str = "const ask = window.fetch;
        window.answers = [];
        window.fetch = async (url, ...rest) => {
          const answer = await ask(url, ...rest);
          const kept = [new URL(url, location.href).pathname, answer.status];
          window.answers.push(kept);
          answer.clone().text().then(text => kept.push(text));
          return answer;
        };";
    const REPLAY: &str = "const answers = new Map();
        for (const [path, status, text] of RECORDED) answers.set(path, [...(answers.get(path) ?? []), [status, text]]);
        const polled = [...answers.values()].filter(list => list.length > 2);
        window.left = () => Math.min(...polled.map(list => list.length));
        window.fetch = async url => {
          const [status, text] = answers.get(new URL(url, location.href).pathname)?.shift() ?? await new Promise(() => {});
          return new Response(status === 200 ? text : null, { status });
        };";
    const DRAW_ALL: &str = "const { pollNow } = await import('/page.js');
        const frame = () => new Promise(requestAnimationFrame);
        let polls = 0;
        for (; window.left() > 1; polls += 1) {
          pollNow();
          await new Promise(done => setTimeout(done, 4));
          await frame();
          await frame();
        }
        return polls;";
    open_with(browser, RECORD, url, screen);
    std::thread::sleep(time);
    let recorded = browser.eval("window.answers.filter(answer => answer.length === 3)");
    let replay = REPLAY.replace("RECORDED", &recorded.to_string());
    open_with(browser, &replay, url, screen);
    let before = browser.figures();
    let polls = browser.run(DRAW_ALL).as_f64().unwrap_or_default();
    let after = browser.figures();
    assert!(polls >= 3.0, "{polls} polls of {screen}");
    let cost = |name: &str| {
        let of = |figures: &BTreeMap<String, f64>| figures.get(name).copied().unwrap_or(f64::NAN);
        (of(&after) - of(&before)) / polls
    };
    PollCost {
        script: cost("ScriptDuration"),
        layout: cost("RecalcStyleDuration") + cost("LayoutDuration"),
    }
}

/// Opens a screen in a document in which a script runs before all others.
fn open_with(browser: &mut Browser, script: &str, url: &str, screen: &str) {
    browser.open("about:blank");
    let added = browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({ "source": format!("{{ {script} }}") }),
    );
    browser.open(url);
    settle(browser, screen);
    browser.call(
        "Page.removeScriptToEvaluateOnNewDocument",
        &json!({ "identifier": added["identifier"] }),
    );
}

/// How a long table behaves.
#[derive(Debug, Clone, Copy)]
pub struct TableTimes {
    /// From the click on a head to the next picture, the longest of all heads, seconds.
    pub sorted: f64,
    /// The longest task while it is scrolled from its beginning to its end, seconds; 0 where none took 50 ms.
    pub longest_task: f64,
    /// Tasks of 50 ms and more meanwhile.
    pub long_tasks: f64,
}

/// Sorts the table of Methods by each of its heads, and scrolls it from end to end.
///
/// # Panics
///
/// Where the page does not answer, or not with numbers.
pub fn long_table(browser: &mut Browser) -> TableTimes {
    let times = browser.run(
        "const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
         let sorted = 0;
         for (const head of document.querySelectorAll('main thead button')) {
           await frame();
           const begun = performance.now();
           head.click();
           await frame();
           sorted = Math.max(sorted, performance.now() - begun);
         }
         const tasks = [];
         const observer = new PerformanceObserver(list => tasks.push(...list.getEntries().map(task => task.duration)));
         observer.observe({ type: 'longtask' });
         const table = document.querySelector('main table');
         let scroller = table;
         while (scroller && !(scroller.scrollHeight > scroller.clientHeight + 8 && /auto|scroll/.test(getComputedStyle(scroller).overflowY)))
           scroller = scroller.parentElement;
         scroller ??= document.scrollingElement;
         const end = scroller.scrollHeight;
         for (let top = 0; top < end; top += 600) { scroller.scrollTop = top; await frame(); }
         await frame();
         tasks.push(...observer.takeRecords().map(task => task.duration));
         observer.disconnect();
         return [sorted, Math.max(0, ...tasks), tasks.length, end];",
    );
    let number = |at: usize| times[at].as_f64().unwrap_or(f64::NAN);
    assert!(number(3) > 5000.0, "the table is not long: {times}");
    TableTimes {
        sorted: number(0) / 1000.0,
        longest_task: number(1) / 1000.0,
        long_tasks: number(2),
    }
}

/// The lines of a list of texts.
pub fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().into_iter().flatten();
    lines
        .map(|line| {
            line.as_str()
                .map_or_else(|| line.to_string(), str::to_owned)
        })
        .collect()
}
