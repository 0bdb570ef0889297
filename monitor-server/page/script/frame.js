/*
 * The top bar: who this is, the screens with what needs a look on them, the range, whether the data are live,
 * and the buttons. It is built once; `drawFrame` changes what changed. On narrow windows the buttons and the
 * range are not in the bar but in the help dialog, which has them at every width.
 */
import { byId, button, el, fill, mark, put, refill, rich, set, setMark, shownName } from "./element.js";
import { SCREENS, SCREEN_TITLES, link, screenLink } from "./address.js";
import { RANGES, liveNow, now, page, silence } from "./source.js";
import { age } from "./numbers.js";
import { clockTime, fullTime } from "./time.js";
import { backToLive, saveSnapshot } from "./file.js";
import { copyText, openHelp } from "./dialog.js";
import { refresh, setRange, togglePause } from "./main.js";

/** Which of the verdict's counts stands beside the name of a screen. */
const SCREEN_COUNTS = { methods: "changed", inflight: "stuck", health: "unhealthy", values: "over" };

const RANGE_TITLES = { "15m": "15 min", "3h": "3 h", "24h": "24 h" };

/** The screens whose answer has a range. */
export const RANGED = new Set(["now", "method", "health"]);

let bar = null;

/** The three ranges as a group of buttons. */
export function rangeButtons() {
  const group = el(
    "div.segments",
    { role: "group", "aria-label": "Range" },
    Object.keys(RANGES).map(range =>
      button(
        RANGE_TITLES[range],
        () => {
          setRange(range);
          pressRange(group);
        },
        { class: null, "data-range": range },
      ),
    ),
  );
  pressRange(group);
  return group;
}

function pressRange(group) {
  for (const one of group.children) set(one, { "aria-pressed": one.dataset.range === page.range });
}

function buildFrame() {
  bar = {
    name: el("strong"),
    version: el("span"),
    instance: el("span.instance"),
    range: rangeButtons(),
    dot: mark(),
    live: el("span"),
    at: el("span"),
    pause: button("Pause", togglePause),
    counts: {},
    links: {},
  };
  for (const name of SCREENS) {
    const count = (bar.counts[name] = el(
      "span",
      { hidden: true },
      el("span"),
      el("span.hidden", " need a look"),
    ));
    bar.links[name] = el("a", SCREEN_TITLES[name], count);
  }
  bar.nav = el("nav", { "aria-label": "Screens" }, Object.values(bar.links));
  bar.state = el("span.live", bar.dot, bar.live, bar.at);
  bar.save = el(
    "a.button",
    { href: "api/v1/snapshot", download: true, on: { click: saveSnapshot } },
    "Snapshot",
  );
  bar.who = el("div.identity", bar.name, bar.version, bar.instance);
  fill(
    byId("top"),
    bar.who,
    bar.nav,
    el(
      "div.tools",
      bar.range,
      bar.state,
      bar.pause,
      bar.save,
      button("?", openHelp, { class: "button help", "aria-label": "Help and settings" }),
    ),
  );
}

/** Brings the current screen's name into the middle of the row, where the row is wider than the window. */
export function centreScreen() {
  const current = bar.nav.querySelector("[aria-current]");
  if (!current) return;
  bar.nav.scrollLeft = current.offsetLeft + current.offsetWidth / 2 - bar.nav.clientWidth / 2;
}

/** Draws the top bar from `page`. */
export function drawFrame() {
  if (!bar) buildFrame();
  const { verdict, lost, paused } = page;
  const service = verdict?.service;
  put(bar.name, service?.name ?? "monitor");
  put(bar.version, service ? service.version : location.host);
  put(bar.instance, service?.instance);
  set(bar.who, {
    title:
      service &&
      [
        service.instance,
        service.revision && `revision ${service.revision}`,
        `process ${service.pid}`,
        `started ${clockTime(service.started)}`,
      ]
        .filter(Boolean)
        .join(", "),
  });
  const shown = page.address.screen === "method" ? "methods" : page.address.screen;
  for (const name of SCREENS) {
    const found = verdict?.counts?.[SCREEN_COUNTS[name]];
    const [n, level] = Array.isArray(found) ? found : [0];
    set(bar.links[name], { href: screenLink(name), "aria-current": name === shown ? "page" : null });
    set(bar.counts[name], { hidden: !n, class: `count ${level}` });
    put(bar.counts[name].firstChild, n);
  }
  pressRange(bar.range);
  set(bar.range, { hidden: !RANGED.has(page.address.screen) });
  // `live, every 2 s`, `Paused at 03:14:00`, `no answer for 47 s`.
  const [state, at] = lost
    ? ["no answer", ` for ${age(silence())}`]
    : paused === null
      ? ["live", ", every 2 s"]
      : ["Paused", ` at ${clockTime(paused)}`];
  set(bar.state, { "data-state": state });
  setMark(bar.dot, lost ? "warn" : paused === null ? "dot" : "idle");
  put(bar.live, state);
  put(bar.at, at);
  put(bar.pause, paused === null ? "Pause" : "Go on");
  for (const node of [bar.state, bar.pause, bar.save]) set(node, { hidden: Boolean(page.file) });
}

/** Draws the banner of a snapshot file, or takes it away. */
export function drawBanner() {
  const banner = byId("banner");
  const { file } = page;
  set(banner, {
    class: file && "banner",
    role: file && "region",
    "aria-label": file && "Snapshot file",
  });
  if (!file) return fill(banner);
  const { instance, name = "a service" } = file.verdict.service ?? {};
  fill(
    banner,
    el(
      "p",
      el("strong", "Snapshot"),
      ` of ${instance ?? name}, taken ${fullTime(file.taken)}`,
      (fileAge = el("span")),
      ". Nothing here is live.",
      file.partial && " It is a part: what a page had when there was no answer.",
    ),
    el("code", page.fileName),
    button("Back to live", backToLive),
  );
  drawFileAge();
}

let fileAge = null;

/**
 * How old the file is, by the server that was live before, or by the browser's clock where there was none.
 */
export function drawFileAge() {
  const ago = (liveNow() ?? Date.now() / 1000) - page.file.taken;
  put(fileAge, ago > 0 ? `, ${age(ago)} ago` : "");
}

/** What the screen of the address is of: the name of a method, or that of the screen. */
const screenName = ({ name, screen }) => (name ? shownName(name) : SCREEN_TITLES[screen]);

const panel = (kind, title, ...children) => el("div.panel", el("h1", mark(kind), ` ${title}`), children);
/** The panel of `page.error`: `{ node, path, draw() }`. */
let errorShown = null;

/**
 * What stands in place of a screen whose answer was an error. The verdict and the other screens go on. While
 * the errors are of one path it is one node, so that the focus stays on its buttons.
 */
export function errorPanel() {
  const { path } = page.error;
  if (errorShown?.path !== path || !errorShown.node.isConnected) errorShown = buildError(path);
  errorShown.draw();
  return errorShown.node;
}

function buildError(path) {
  const [what, near, wait] = [el("p"), el("p"), el("p.small")];
  let happened = "";
  const node = panel(
    "warn",
    `${screenName(page.address)} cannot be shown`,
    what,
    near,
    wait,
    el(
      "p.dialog-row",
      button("Try now", refresh),
      button("Copy what happened", event =>
        copyText(
          `${happened.replaceAll("`", "")}\n${fullTime(now())}, ${location.href}\n`,
          event.currentTarget,
        ),
      ),
    ),
  );
  const draw = () => {
    if (!page.error) return;
    const { status, text, body, next } = page.error;
    // The names in the text stand in backquotes already.
    happened = (status ? `The monitor answered ${status} to ` : "") + `\`${path}\`: ${text}`;
    refill(what, rich(happened));
    const names = body?.near ?? [];
    set(near, { hidden: !names.length });
    const linkTo = other => [" ", el("a", { href: link("method", other) }, shownName(other))];
    refill(near, "Near:", names.map(linkTo));
    const seconds = Math.ceil((next - performance.now()) / 1000);
    put(
      wait,
      (seconds > 0 ? `It is asked again in ${seconds} s.` : "It is being asked.") +
        " The verdict and the other screens go on; calls are recorded as before.",
    );
  };
  return { node, path, draw };
}

/** Says when the screen with the error is asked again. */
export const drawErrorWait = () => errorShown?.draw();

/** What stands in place of a screen that an opened file has nothing of. */
export function notInFile() {
  const { address, file } = page;
  const { left } = file;
  return panel(
    "idle",
    "Not in this file",
    el(
      "p",
      address.name ? "The method " : "The screen ",
      el("strong", screenName(address)),
      address.name
        ? " is not in it: it has those with the worst change and the busiest, of 15 min."
        : " is not in it, or not of this range.",
    ),
    Array.isArray(left) && left.length > 0 && el("p", `Left out: ${left.join(", ")}.`),
  );
}

/** What stands in place of a screen of which nothing was kept when the service stopped to answer. */
export const notFromThen = () =>
  panel(
    "idle",
    `${screenName(page.address)} cannot be shown`,
    el("p", "Nothing of it is known from then: the answers ended before this screen was opened."),
  );

/**
 * What stands in place of a screen that cannot be drawn: a file may hold anything, and the page may have
 * errors.
 */
export const brokenPanel = error =>
  panel("warn", `This ${page.file ? "part of the file" : "screen"} cannot be shown`, el("p", String(error)));
