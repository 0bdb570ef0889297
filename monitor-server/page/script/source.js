/*
 * Where the page's data come from: the server, asked every 2 s, or a snapshot file.
 *
 * One request is under way at a time. The next one is sent 2 s after the one before began, later if the
 * server does not answer (2, 2, 4, 8, 15, 15 … s) or says when to come again. Each answer says whether the
 * verdict changed; only then, and every 10 s for the numbers in its sentence, the verdict is asked too. Where
 * a screen's answer fails or takes longer than 2 s the verdict is asked at once: only if that fails too the
 * server does not answer, else the error is one of that screen. A hidden tab asks for the verdict alone,
 * every 30 s; a paused one goes on with the verdict. What was missed meanwhile comes with `since` from the
 * server's history.
 */
import { readAddress } from "./address.js";
import { continueAnswer, joinRestarted, startOf, wholeAnswer } from "./series.js";

/**
 * The state of the page. One object, read by all screens; only this file, `file.js` and `main.js` write to
 * it.
 */
export const page = {
  /** From `readAddress`. */
  address: readAddress(""),
  /** The last answer of `verdict`, or null. */
  verdict: null,
  /** The merged answer of the current screen, or null before the first. */
  answer: null,
  /** `15m`, `3h`, `24h`. */
  range: "15m",
  /** The opened snapshot file and its name, or null. */
  file: null,
  fileName: "",
  /** Server's time at which the page was paused, or null. */
  paused: null,
  /**
   * `{ since, tries, every, next, why }` while the server does not answer, or null. `next` is of
   * `performance.now()`; `since` is null if no answer ever came.
   */
  lost: null,
  /**
   * `{ path, status, text, body, next }` while the current screen's answer is an error, or null; without
   * `status` none came.
   */
  error: null,
  /** `{ status, ways }` if the server wants credentials, or null. */
  door: null,
  /**
   * `{ at, verdict }`: when this process took the place of the one before, and the verdict of that one, or
   * null.
   */
  before: null,
};

/** Seconds of the ranges. */
export const RANGES = { "15m": 900, "3h": 10800, "24h": 86400 };

const settings = {};

/**
 * A setting of this browser, or sets it. Where it cannot be kept it holds for the tab. Nothing of the service
 * is kept.
 */
export function setting(name, value) {
  try {
    if (value) localStorage.setItem(`monitor-${name}`, value);
    else if (!(name in settings)) value = localStorage.getItem(`monitor-${name}`);
  } catch {
    // No storage: a private window, or not a browser.
  }
  return value === undefined ? settings[name] : (settings[name] = value);
}

const POLL = 2000;
const LIMIT = 5000;
const HIDDEN_POLL = 30000;
const DELAYS = [2000, 2000, 4000, 8000, 15000];
/** How old rows that are not in view may be, and the numbers of the verdict's sentence. */
const FRESH = 10000;
/** Methods up to which all rows that changed are asked for at each poll: they are less than 4 KB. */
const FEW = 300;
/** Answers that are kept for their deltas; other screens are asked anew. */
const MOST_KEPT = 6;

/** A token of the door: in this variable alone, and so forgotten with the tab. */
let token = "";
export const setToken = text => {
  token = text;
};
export const hasToken = () => token !== "";

let anchor = null;

/** The server's time, even while a file is open; null if none was reached. */
export const liveNow = () => anchor && anchor.server + (performance.now() - anchor.local) / 1000;

/**
 * The server's time now, in seconds since 1970: that of the last answer and what went by since; of a file its
 * own.
 */
export const now = () => page.file?.taken ?? liveNow() ?? 0;

/** An answer that came, but is not what it should be: a proxy's page, or JSON of another shape. */
const notUnderstood = (text, status = 200) => Object.assign(new Error(`not understood: ${text}`), { status });

/** What a text is as JSON, or undefined if it is none, as the page of a proxy. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is said of an error of `request`: `503, busy`, `no answer within 5 s`. */
const whyOf = ({ status, name, message }) =>
  status ? `${status}, ${message}` : name === "TimeoutError" ? "no answer within 5 s" : "no connection";

/**
 * Asks the server. An answer that is not of 200 is an Error with `status`, `body` (if JSON), `retry` (s) and
 * `ways`.
 */
export async function request(path, limit = LIMIT) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { cache: "no-store", headers, signal: AbortSignal.timeout(limit) });
  if (answer.ok) return answer;
  const text = (await answer.text()).slice(0, 20000);
  const body = parsed(text);
  const { status, headers: fields } = answer;
  throw Object.assign(new Error(body?.error ?? (text.trim().slice(0, 600) || answer.statusText)), {
    status,
    body,
    retry: Number(fields.get("retry-after")) || 0,
    ways: fields.get("www-authenticate") ?? "",
  });
}

/** Asks for `api/v1/<path>`: the object. It fails as `request` does, or with status 200 if it is none. */
export async function ask(path) {
  const text = await (await request(`api/v1/${path}`)).text();
  const object = parsed(text);
  if (typeof object !== "object" || !object) throw notUnderstood(text.trim().slice(0, 200));
  if (object.now > 0) anchor = { server: object.now, local: performance.now() };
  return object;
}

/**
 * The last answers by path: `whole`, and `base`, which is whole as of the last answer that had all rows;
 * `tick` and `all`, the ticks of both; `rows`, the ids that were asked for last, or null for all.
 */
const keptAnswers = new Map();

/** The name under which an answer is kept: the path without what changes from poll to poll. */
const keyOf = path => path.replace(/([?&])(rows|curves)=[^&]*/g, "$1").replace(/[?&]+$/, "");
const paramOf = (path, name) => new URLSearchParams(path.split("?")[1]).get(name);

/**
 * The answer that is kept of a path, if it may be shown until the next one is there: paused, there is none.
 */
export function keptAnswer(path) {
  const kept = keptAnswers.get(keyOf(path));
  if (kept?.boot !== page.verdict?.boot) return null;
  const mayBeOld = page.lost || page.paused !== null;
  return kept && (mayBeOld || performance.now() - kept.at < 30000) ? kept.whole : null;
}

/** What is kept of all screens that were seen: `[path, answer]`. */
export const keptAll = () => [...keptAnswers].map(([key, kept]) => [key, kept.whole]);

/**
 * Asks for an answer of a screen and merges it with what is kept of it. Of many methods only the rows in view
 * are asked for (`rows=` of the path), and every 10 s all. A row that comes into view is asked for whole, as
 * only the cells that changed are sent of others.
 */
async function askWhole(path) {
  const key = keyOf(path);
  const kept = keptAnswers.get(key);
  const rows = paramOf(path, "rows")?.split(",").map(Number);
  const time = performance.now();
  const isPart = rows && kept?.whole.total > FEW && time - kept.allAt < FRESH;
  const more = key === "methods" ? ["cells=1"] : [];
  if (isPart) {
    const fresh = kept.rows ? rows.filter(id => !kept.rows.has(id)) : [];
    if (fresh.length) more.push(`whole=${fresh}`);
  } else path = path.replace(/([?&])rows=[^&]*&?/, "$1").replace(/[?&]$/, "");
  const tick = isPart ? kept.tick : kept?.all;
  if (tick != null) more.push(`since=${kept.boot}.${tick}`);
  const answer = await ask(path + (more.length ? (path.includes("?") ? "&" : "?") + more.join("&") : ""));
  const range = paramOf(path, "range") ?? "15m";
  const continues = kept && !answer.full && answer.boot === kept.boot;
  let whole;
  try {
    whole = continues ? continueAnswer(isPart ? kept.whole : kept.base, answer, range) : wholeAnswer(answer);
    // The process before, as this tab saw it, stays in front until it is out of the range.
    if (kept && !continues && (answer.boot !== kept.boot || kept.whole.before))
      whole = joinRestarted(kept.whole, whole, range);
  } catch (error) {
    // The next one is asked for whole, so that what does not fit is not kept.
    keptAnswers.delete(key);
    throw notUnderstood(error);
  }
  if (whole.before < startOf(whole)) delete whole.before;
  const own =
    isPart && continues
      ? { ...kept, rows: new Set(rows) }
      : { base: whole, all: answer.tick, allAt: time, rows: null };
  keptAnswers.delete(key);
  keptAnswers.set(key, { ...own, whole, boot: answer.boot, tick: answer.tick, at: time });
  if (keptAnswers.size > MOST_KEPT) keptAnswers.delete(keptAnswers.keys().next().value);
  return whole;
}

/**
 * What `main.js` gives. An error of its own is one of the page, which the console has, and none of the
 * server.
 */
let listeners = null;
const tell = (name, ...values) => {
  try {
    return listeners[name](...values);
  } catch (error) {
    reportError(error);
  }
};
let timer = 0;
let isAsking = false;
let isWanted = false;
let failures = 0;
let lastAnswer = 0;
let verdictAt = 0;

/** Seconds since the last answer, or since the page was opened. */
export const silence = () => (performance.now() - lastAnswer) / 1000;

/** Starts asking: `{ path(), onAnswer(answer), onError(error), onVerdict(before), onChange() }`. */
export function startPolling(given) {
  listeners = given;
  lastAnswer = performance.now();
  document.addEventListener("visibilitychange", () => document.hidden || pollNow());
  poll();
}

/** Asks at once: a screen was opened, or the operator said so. If a request is under way, right after it. */
export function pollNow() {
  if (isAsking) isWanted = true;
  else poll();
}

async function poll() {
  clearTimeout(timer);
  if (page.file || page.door) return;
  const began = performance.now();
  isAsking = true;
  isWanted = false;
  let delay = document.hidden ? HIDDEN_POLL : POLL;
  try {
    await pollOnce(began);
    if (!page.file) {
      lastAnswer = performance.now();
      failures = 0;
      page.lost = null;
      tell("onChange");
    }
  } catch (error) {
    delay = page.file ? null : failed(error, began);
  }
  isAsking = false;
  if (delay !== null || isWanted)
    timer = setTimeout(poll, isWanted ? 0 : Math.max(0, began + delay - performance.now()));
}

/**
 * How old (ms) the last answer of a screen is when errors of the next ones are shown: not at the first
 * time-out.
 */
const ERROR_AFTER = LIMIT + 1.5 * POLL;

/**
 * One round: the screen's answer and, if it is due, the verdict. Both at once at the start, and while no
 * answer comes. It fails if both do.
 */
async function pollOnce(began) {
  const waits = document.hidden || (page.paused !== null && page.answer) || began < page.error?.next - 50;
  const path = waits ? null : (tell("path") ?? null);
  let verdict = null;
  const wantVerdict = () => {
    verdict ??= askVerdict();
    // Without this a failure of it would be an unhandled one while the answer below is awaited.
    verdict.catch(() => {});
  };
  if (page.verdict === null || path === null || failures) wantVerdict();
  if (path !== null) {
    const slow = setTimeout(wantVerdict, POLL);
    let answer = null;
    try {
      answer = await askWhole(path);
    } catch (error) {
      failOnDoor(error);
      wantVerdict();
      await verdict;
      takeError(error, path, began);
    } finally {
      clearTimeout(slow);
    }
    if (page.file) return;
    if (answer && isShown(path)) {
      page.error = null;
      tell("onAnswer", answer);
    }
    const isOther = answer?.vrev !== page.verdict?.vrev || answer?.boot !== page.verdict?.boot;
    if (isOther || began - verdictAt > FRESH) wantVerdict();
    // A screen that is answered is live; the verdict before, if there is one, is shown with its time.
    if (answer && page.verdict) return verdict?.catch(failOnDoor);
  }
  await verdict;
}

const isDoor = ({ status }) => status === 401 || status === 403;

/** Fails if credentials are wanted. */
function failOnDoor(error) {
  if (isDoor(error)) throw error;
}

/** Whether the answer of a path is still that of the screen: it may have been left meanwhile. */
const isShown = path => keyOf(tell("path") ?? "") === keyOf(path);

/** The answer of a screen is an error while the verdict goes on. */
function takeError(error, path, began) {
  const { status, retry = 0, body } = error;
  if (page.file || !isShown(path)) return;
  const next = Math.max(performance.now() + POLL, began + 2 * POLL, began + retry * 1000);
  // An answer that is missed once, as when the server is busy, is nothing to look at.
  const isBusy = !status || [429, 502, 503, 504].includes(status);
  const passed = performance.now() - keptAnswers.get(keyOf(path))?.at;
  if (isBusy && retry * 1000 <= POLL && page.answer && passed < ERROR_AFTER) return;
  const text = status ? error.message : whyOf(error);
  page.error = { status, body, path: `/api/v1/${path.split("?")[0]}`, text, next };
  tell("onError", error);
}

/** Whether an object has what the page needs of a verdict. */
export const isVerdict = object =>
  typeof object?.state === "string" && typeof object.sentence === "string" && Array.isArray(object.rows);

async function askVerdict() {
  const verdict = await ask("verdict");
  if (page.file) return;
  if (!isVerdict(verdict)) throw notUnderstood("it is no verdict");
  const before = page.verdict;
  verdictAt = performance.now();
  if (before && before.boot !== verdict.boot)
    page.before = { at: verdict.service?.started ?? verdict.now, verdict: before };
  page.verdict = verdict;
  tell("onVerdict", before);
}

/** What a round that failed leads to: the time to the next one in milliseconds, or null for none. */
function failed(error, began) {
  const { status, ways } = error;
  if (isDoor(error)) {
    page.door = { status, ways };
    tell("onChange");
    return null;
  }
  failures += 1;
  const delay = error.retry ? error.retry * 1000 : DELAYS[Math.min(failures, DELAYS.length) - 1];
  // Two polls were missed, and 5 s went by: one that was missed is nothing to look at.
  if (page.lost || (failures > 1 && performance.now() - lastAnswer >= LIMIT)) {
    const since = page.lost?.since ?? (anchor && now() - silence());
    page.lost = { since, tries: failures, every: delay / 1000, next: began + delay, why: whyOf(error) };
  }
  tell("onChange");
  return delay;
}
