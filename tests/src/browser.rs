//! A real browser without a window, for tests and pictures of the live page.
//!
//! It is Debian's Chromium, controlled over its `DevTools` protocol (module `devtools`), which tells each console message, each violation of
//! the page's policy and each request as it happens. A [`Browser`] keeps what must never happen; it panics with that when it is dropped, so that
//! no test can forget to look. Each has a profile of its own in a folder of its own.
//!
//! Everything here panics where the browser ends, does not answer, or a script throws: it serves tests.
#![expect(
    clippy::missing_panics_doc,
    reason = "everything here panics where the browser does not do what it is told"
)]

mod devtools;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use self::devtools::{DevTools, Event};

/// How long anything that should happen at once may take, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The scheme that the page is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on white.
    Light,
    /// Light text on black.
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// As style sheets name it, and files of pictures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What must not happen in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The script threw, or wrote an error or a warning to the console.
    Console(String),
    /// Something that the page's policy forbids.
    Policy(String),
    /// A request to another host.
    Elsewhere(String),
    /// A request that failed or that was answered with an error, as the browser writes it to the console.
    Network(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, text) = match self {
            Self::Console(text) => ("console", text),
            Self::Policy(text) => ("policy", text),
            Self::Elsewhere(text) => ("request elsewhere", text),
            Self::Network(text) => ("network", text),
        };
        write!(f, "{kind}: {text}")
    }
}

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    folder: PathBuf,
    devtools: DevTools,
    /// Beginnings of addresses that may be asked.
    origins: Vec<String>,
    problems: Vec<Problem>,
    /// Whether failed requests are what the test is about.
    network_may_fail: bool,
}

/// The program; the variable `CHROMIUM` names another one.
fn program() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("chromium"), PathBuf::from)
}

/// Whether there is a browser on this machine.
pub fn is_installed() -> bool {
    let version = Command::new(program()).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

impl Browser {
    /// Starts one with a window of 1,440 x 900, a light theme and an empty page.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = format!("monitored-browser-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the profile");
        // Debian's Chromium now and then crashes as it starts, before it listens: that says nothing of the page.
        let begin = || {
            Command::new(program())
                .arg(format!("--user-data-dir={}", folder.display()))
                .args(FLAGS)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the browser starts")
        };
        let mut child = begin();
        let mut found = address(&folder, &mut child);
        for _ in 0..2 {
            if found.is_ok() {
                break;
            }
            child = begin();
            found = address(&folder, &mut child);
        }
        let (port, path) =
            found.unwrap_or_else(|status| panic!("the browser ended at once: {status}"));
        let mut devtools = DevTools::connect(port, &path);
        devtools.attach();
        let mut browser = Self {
            child,
            folder,
            devtools,
            origins: Vec::new(),
            problems: Vec::new(),
            network_may_fail: false,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits", "Performance"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        // A page is asked for anew each time, as a user's first look is.
        browser.call(
            "Network.setCacheDisabled",
            &json!({ "cacheDisabled": true }),
        );
        browser.size(1440, 900);
        browser.theme(Theme::Light);
        browser
    }

    /// Gives a command of the protocol to the page.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.devtools.call(method, params)
    }

    /// Opens an address and waits until the document is loaded.
    pub fn open(&mut self, url: &str) {
        let origin = url.split('/').take(3).collect::<Vec<_>>().join("/") + "/";
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
        self.look_at_events();
        // A change of the fragment alone loads nothing.
        let here = self.eval("location.href").to_string();
        let base = |url: &str| url.split('#').next().map(str::to_owned);
        let is_same = url.contains('#') && base(here.trim_matches('"')) == base(url);
        let answer = self.call("Page.navigate", &json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        if !is_same {
            self.devtools
                .wait("the document is loaded", PATIENCE, |event| {
                    (event.method == "Page.loadEventFired").then_some(())
                });
        }
    }

    /// Loads the page again.
    pub fn reload(&mut self) {
        self.look_at_events();
        self.call("Page.reload", &json!({}));
        self.devtools
            .wait("the document is loaded", PATIENCE, |event| {
                (event.method == "Page.loadEventFired").then_some(())
            });
    }

    /// Makes the window so large.
    pub fn size(&mut self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Says that the system has this theme.
    pub fn theme(&mut self, theme: Theme) {
        self.media(&[("prefers-color-scheme", theme.name())]);
    }

    /// Says what the system prefers, by the names of media features.
    pub fn media(&mut self, features: &[(&str, &str)]) {
        let features: Vec<_> = features
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    /// The value of an expression; of a promise what it promises.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true
        });
        let answer = self.call("Runtime.evaluate", &params);
        let thrown = &answer["exceptionDetails"];
        let shown: String = expression.chars().take(300).collect();
        assert!(thrown.is_null(), "{shown}\nthrew {}", thrown_text(thrown));
        answer["result"]["value"].clone()
    }

    /// What a function body returns; it may wait.
    pub fn run(&mut self, body: &str) -> Value {
        self.eval(&format!("(async () => {{ {body} }})()"))
    }

    /// The same for a text.
    pub fn text(&mut self, expression: &str) -> String {
        match self.eval(expression) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// The same for a number.
    pub fn number(&mut self, expression: &str) -> f64 {
        let value = self.eval(expression);
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Waits until an expression is true, or what it promises.
    pub fn until(&mut self, what: &str, expression: &str) {
        self.until_within(PATIENCE, what, expression);
    }

    /// The same with another limit; gives the time that it took.
    pub fn until_within(&mut self, limit: Duration, what: &str, expression: &str) -> Duration {
        let begun = Instant::now();
        // A promise itself is always true.
        let is_true = format!("(async () => !!(await ({expression})))()");
        while self.eval(&is_true) != Value::Bool(true) {
            if begun.elapsed() > limit {
                let shown = self.text("document.body?.innerText.slice(0, 2000)");
                panic!(
                    "not within {limit:?}: {what}; the page says:\n{shown}\n{}",
                    self.problem_lines()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        begun.elapsed()
    }

    /// Presses a key and lets it go: `a`, `?`, `Tab`, `ArrowLeft`, with modifiers as `Shift+Tab`, `Control+f`.
    pub fn key(&mut self, key: &str) {
        let Key {
            name,
            code,
            number,
            modifiers,
            text,
        } = key_of(key);
        let mut down = json!({
            "type": "keyDown", "key": name, "code": code, "modifiers": modifiers,
            "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
        });
        if let Some(text) = text {
            down["text"] = json!(text);
        }
        let mut up = down.clone();
        up["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", &down);
        self.call("Input.dispatchKeyEvent", &up);
    }

    /// Presses one key after the other.
    pub fn keys(&mut self, keys: &[&str]) {
        for key in keys {
            self.key(key);
        }
    }

    /// Types a text where the focus is.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Moves the pointer there.
    pub fn point(&mut self, x: f64, y: f64) {
        let moved = json!({ "type": "mouseMoved", "x": x, "y": y });
        self.call("Input.dispatchMouseEvent", &moved);
    }

    /// Clicks with the pointer at the middle of the first element that a selector finds, which is brought into view.
    pub fn click(&mut self, selector: &str) {
        let selector = json!(selector);
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector}); if (!e) return null;
               e.scrollIntoView({{ block: 'center' }}); const r = e.getBoundingClientRect();
               return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        let at = |axis: usize| {
            let number = place[axis].as_f64();
            number.unwrap_or_else(|| panic!("there is no {selector}"))
        };
        let (x, y) = (at(0), at(1));
        self.point(x, y);
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &click);
        }
    }

    /// Gives a file to the dialog of the system that an action opens.
    pub fn choose_next_file(&mut self, file: &Path, action: impl FnOnce(&mut Self)) {
        self.look_at_events();
        let intercepted = |enabled: bool| json!({ "enabled": enabled });
        let method = "Page.setInterceptFileChooserDialog";
        self.call(method, &intercepted(true));
        action(self);
        let what = "a file is asked for";
        let node = self.devtools.wait(what, PATIENCE, |event| {
            (event.method == "Page.fileChooserOpened")
                .then(|| event.params["backendNodeId"].clone())
        });
        let params = json!({ "files": [file], "backendNodeId": node });
        self.call("DOM.setFileInputFiles", &params);
        self.call(method, &intercepted(false));
    }

    /// Lets files be saved in this folder.
    pub fn save_in(&mut self, folder: &Path) {
        let params = json!({ "behavior": "allow", "downloadPath": folder });
        self.call("Browser.setDownloadBehavior", &params);
    }

    /// Writes what is to be seen to a file.
    pub fn picture(&mut self, file: &Path) {
        let answer = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let data = answer["data"].as_str().expect("a picture in base64");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data);
        let bytes = bytes.expect("a picture in base64");
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).expect("a folder for pictures");
        }
        std::fs::write(file, bytes).expect("the picture is written");
    }

    /// Figures of the page after a collection of garbage: `JSHeapUsedSize`, `Nodes`, `TaskDuration` and others, by name.
    pub fn figures(&mut self) -> BTreeMap<String, f64> {
        self.call("HeapProfiler.collectGarbage", &json!({}));
        let answer = self.call("Performance.getMetrics", &json!({}));
        let figures = answer["metrics"].as_array().into_iter().flatten();
        let figures = figures.filter_map(|figure| {
            let name = figure["name"].as_str()?;
            Some((name.to_owned(), figure["value"].as_f64()?))
        });
        figures.collect()
    }

    /// Lets the page's clock run as fast as it can, while it waits for answers; returns when so much time has passed in the page. The
    /// clock goes on as fast after that: a page whose clock stands runs no timer and draws nothing.
    pub fn fast_forward(&mut self, time: Duration) {
        self.look_at_events();
        let policy = "pauseIfNetworkFetchesPending";
        let params = json!({
            "policy": policy,
            "budget": time.as_secs_f64() * 1000.0,
            "maxVirtualTimeTaskStarvationCount": 1_000_000,
        });
        self.call("Emulation.setVirtualTimePolicy", &params);
        let limit = Duration::from_mins(30);
        self.devtools.wait("the time passes", limit, |event| {
            (event.method == "Emulation.virtualTimeBudgetExpired").then_some(())
        });
        self.call(
            "Emulation.setVirtualTimePolicy",
            &json!({ "policy": policy }),
        );
    }

    /// Runs axe, the checker of accessibility, over the page: a line for each finding.
    pub fn accessibility(&mut self, axe: &str) -> Vec<String> {
        self.eval(&format!("{{ {axe}; }} void 0"));
        let found = self.run(
            "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
             const { violations } = await axe.run(document, { runOnly: tags });
             return violations.flatMap(v => v.nodes.map(n =>
               `${v.id} (${v.impact}): ${n.target.join(' ')}: ${n.failureSummary}`.replaceAll('\\n', ' ').slice(0, 400)));",
        );
        let lines = found.as_array().into_iter().flatten();
        lines
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// From here on requests may fail: the test stops the service, or asks for what is not there.
    pub fn let_network_fail(&mut self) {
        self.look_at_events();
        self.network_may_fail = true;
    }

    /// What happened that must not.
    pub fn problems(&mut self) -> &[Problem] {
        self.look_at_events();
        &self.problems
    }

    /// Takes them: for tests of the browser itself.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        self.look_at_events();
        std::mem::take(&mut self.problems)
    }

    fn problem_lines(&mut self) -> String {
        let lines = self.problems().iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    }

    fn look_at_events(&mut self) {
        for event in self.devtools.take_events() {
            let Some(problem) = problem(&event, &self.origins) else {
                continue;
            };
            if !(self.network_may_fail && matches!(problem, Problem::Network(_))) {
                self.problems.push(problem);
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let lines = if std::thread::panicking() {
            String::new()
        } else {
            // A server in the same test ends before its browser where it was started later: its silence is no finding.
            let is_end = |problem: &&Problem| matches!(problem, Problem::Network(text) if text.contains("net::ERR_"));
            let problems = self.problems().iter().filter(|problem| !is_end(problem));
            let lines: Vec<_> = problems.map(ToString::to_string).collect();
            lines.join("\n")
        };
        let _ = self.devtools.try_call("Browser.close", &json!({}));
        let closing = Instant::now();
        while closing.elapsed() < Duration::from_secs(5)
            && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
        assert!(lines.is_empty(), "in the page:\n{lines}");
    }
}

/// Nothing but the page itself is asked for, and nothing is drawn by a graphics card.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-port=0",
    // The tests run as root in containers.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    // A page in the background is not slowed down: there is no window that could be in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
];

/// Where the browser listens: it writes port and path to a file of its profile. An error if it ended before.
fn address(folder: &Path, child: &mut Child) -> Result<(u16, String), ExitStatus> {
    let file = folder.join("DevToolsActivePort");
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && let Ok(port) = port.trim().parse()
            && path.starts_with('/')
        {
            return Ok((port, path.trim().to_owned()));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(status);
        }
        assert!(begun.elapsed() < PATIENCE, "the browser does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether an event is something that must not happen.
fn problem(event: &Event, origins: &[String]) -> Option<Problem> {
    let params = &event.params;
    match &*event.method {
        "Runtime.exceptionThrown" => {
            let text = thrown_text(&params["exceptionDetails"]);
            Some(Problem::Console(text))
        }
        "Runtime.consoleAPICalled" => {
            let kind = params["type"].as_str()?;
            let text = format!("{kind}: {}", params["args"]);
            matches!(kind, "error" | "warning" | "assert").then_some(Problem::Console(text))
        }
        "Log.entryAdded" => log_entry(&params["entry"]),
        "Audits.issueAdded" => {
            let issue = &params["issue"];
            let is_policy = issue["code"] == "ContentSecurityPolicyIssue";
            is_policy.then(|| Problem::Policy(issue["details"].to_string()))
        }
        "Network.requestWillBeSent" => {
            let url = params["request"]["url"].as_str()?;
            let is_here = ["data:", "blob:", "about:"]
                .into_iter()
                .chain(origins.iter().map(|origin| &**origin))
                .any(|beginning| url.starts_with(beginning));
            (!is_here).then(|| Problem::Elsewhere(url.to_owned()))
        }
        "Network.webSocketCreated" => Some(Problem::Elsewhere(params["url"].to_string())),
        "Inspector.targetCrashed" | "Inspector.detached" => {
            Some(Problem::Console(format!("{} {params}", event.method)))
        }
        _ => None,
    }
}

fn log_entry(entry: &Value) -> Option<Problem> {
    let text = format!("{} {}", entry["text"], entry["url"]);
    let level = entry["level"].as_str()?;
    // Over plain HTTP from another machine a browser does not keep windows apart, and says so of each such page.
    if text.contains("Cross-Origin-Opener-Policy header has been ignored") {
        return None;
    }
    match entry["source"].as_str()? {
        "security" => Some(Problem::Policy(text)),
        _ if !matches!(level, "error" | "warning") => None,
        "network" => Some(Problem::Network(text)),
        _ => Some(Problem::Console(text)),
    }
}

/// The text of an exception, with the lines it came through.
fn thrown_text(details: &Value) -> String {
    let described = details["exception"]["description"].as_str();
    let text = described.or_else(|| details["text"].as_str());
    let value = &details["exception"]["value"];
    format!("{} {value}", text.unwrap_or_default())
}

/// A key as the protocol wants it.
struct Key {
    name: String,
    code: String,
    number: u32,
    modifiers: u32,
    text: Option<String>,
}

fn key_of(key: &str) -> Key {
    let mut modifiers = 0;
    let mut name = key;
    while let Some((modifier, rest)) = name.split_once('+').filter(|(_, rest)| !rest.is_empty()) {
        modifiers |= match modifier {
            "Alt" => 1,
            "Control" => 2,
            "Meta" => 4,
            "Shift" => 8,
            _ => panic!("`{modifier}` is no modifier"),
        };
        name = rest;
    }
    let (code, number, text) = match name {
        "Tab" => ("Tab".to_owned(), 9, None),
        "Enter" => ("Enter".to_owned(), 13, Some("\r".to_owned())),
        "Escape" => ("Escape".to_owned(), 27, None),
        "PageUp" => ("PageUp".to_owned(), 33, None),
        "PageDown" => ("PageDown".to_owned(), 34, None),
        "End" => ("End".to_owned(), 35, None),
        "Home" => ("Home".to_owned(), 36, None),
        "ArrowLeft" => ("ArrowLeft".to_owned(), 37, None),
        "ArrowUp" => ("ArrowUp".to_owned(), 38, None),
        "ArrowRight" => ("ArrowRight".to_owned(), 39, None),
        "ArrowDown" => ("ArrowDown".to_owned(), 40, None),
        " " => ("Space".to_owned(), 32, Some(" ".to_owned())),
        _ => character(name, modifiers),
    };
    Key {
        name: name.to_owned(),
        code,
        number,
        modifiers,
        text,
    }
}

fn character(name: &str, modifiers: u32) -> (String, u32, Option<String>) {
    let mut characters = name.chars();
    let (Some(one), None) = (characters.next(), characters.next()) else {
        panic!("`{name}` is no key");
    };
    let upper = one.to_ascii_uppercase();
    let code = match one {
        'a'..='z' | 'A'..='Z' => format!("Key{upper}"),
        '0'..='9' => format!("Digit{one}"),
        '[' => "BracketLeft".to_owned(),
        ']' => "BracketRight".to_owned(),
        '/' | '?' => "Slash".to_owned(),
        _ => String::new(),
    };
    let number = if upper.is_ascii_alphanumeric() {
        u32::from(upper)
    } else {
        0
    };
    // With Control, Alt or Meta a key writes nothing.
    let text = (modifiers & !8 == 0).then(|| name.to_owned());
    (code, number, text)
}
