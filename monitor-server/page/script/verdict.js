/*
 * The verdict: large on Now, one line on the other screens with `why`, which opens its rows in place. All
 * words, levels and links are the server's. While the server does not answer the same strip has that, and
 * what is known of it.
 */
import { byId, button, el, fill, keep, mark, put, rich, root, set, setMark } from "./element.js";
import { now, page, silence } from "./source.js";
import { age } from "./numbers.js";
import { clockTime, fullTime, sinceText } from "./time.js";
import { copyText } from "./dialog.js";
import { saveSnapshot } from "./file.js";
import { refresh } from "./main.js";

let strip = null;
let whyIsOpen = false;

function buildVerdict() {
  strip = {
    mark: mark(),
    word: el("strong"),
    since: el("span.verdict-since"),
    sentence: el("p.verdict-sentence"),
    rows: el("ul.verdict-rows", { id: "why" }),
    copy: button("Copy for the incident", copyVerdict, {}, el("kbd", "c")),
    why: button("why", toggleWhy, { class: "plain", "aria-controls": "why" }),
    again: button("Try now", refresh),
    save: button("Save what is here", saveSnapshot),
  };
  fill(
    byId("verdict"),
    el("div.verdict-head", strip.mark, strip.word, strip.since, strip.sentence),
    strip.rows,
    el("div.verdict-buttons", strip.copy, strip.why, strip.again, strip.save),
  );
}

/**
 * Opens or closes the rows on the screens where the verdict is one line. It stays so while the page is open.
 */
function toggleWhy() {
  whyIsOpen = !whyIsOpen;
  drawVerdict();
}

/**
 * Copies the text of `/verdict` with the address of this screen: the button, and the key `c`. What is not of
 * now has a line that says so.
 */
export function copyVerdict() {
  const { verdict, lost, file, fileName } = page;
  if (!verdict && !lost) return;
  const of = lost
    ? `No answer ${lostSince(lost)}: ${lost.why}.`
    : file && `From the snapshot file ${fileName}, taken ${fullTime(file.taken)}.`;
  const lines = [verdict?.text?.trimEnd(), of, location.href].filter(Boolean);
  copyText(`${lines.join("\n")}\n`, strip.copy);
}

const verdictText = ({ state, sentence }) => `${state.toUpperCase()}: ${sentence}`;
const lostSince = ({ since }) =>
  `${since === null ? "for" : `since ${clockTime(since)} ·`} ${age(silence())}`;
const sinceAge = since => `since ${clockTime(since)} · ${age(now() - since)}`;

/** The strip while the server answers, or of a file. */
export function verdictModel({ now: of, state, level, since, sentence, rows }) {
  const isCalm = level === "ok" || level === "idle" || since == null;
  const isOld = now() - of > 30;
  const live = isOld
    ? `as of ${clockTime(of)}`
    : page.paused === null
      ? ""
      : `live, the rest is of ${clockTime(page.paused)}`;
  const { before } = page;
  // The server has no record of the process that this one replaced: this tab has its last verdict.
  const isNew = before && now() - before.at < 900;
  const isBefore = ({ label }) => label === "Before";
  const own = isNew && {
    label: "Before",
    text: [
      `This is a new process, started ${age(now() - before.at)} ago.`,
      `The one before: ${verdictText(before.verdict)}`,
      ...rows.filter(isBefore).map(({ text }) => text),
    ].join(" "),
  };
  return {
    kind: state === "draining" ? "drain" : level,
    level,
    word: state.toUpperCase(),
    since: [isCalm ? "" : sinceAge(since), live].filter(Boolean).join(" · "),
    sentence,
    // One row says what was before.
    rows: own ? [own, ...rows.filter(row => !isBefore(row))] : rows,
  };
}

/** The strip while the server does not answer. */
function lostModel(lost) {
  const { tries, every, next, why } = lost;
  const { verdict } = page;
  const wait = Math.ceil((next - performance.now()) / 1000);
  const pod = verdict?.service?.instance ? ` ${verdict.service.instance}` : "";
  return {
    kind: "warn",
    level: "warn",
    word: "NO ANSWER",
    since: lostSince(lost),
    sentence: verdict ? "Everything below is from then." : "None came since this page was opened.",
    rows: [
      ...(verdict ? [{ label: "Last", since: verdict.since, text: verdictText(verdict) }] : []),
      {
        label: "Tried",
        text:
          `${tries} times, first after 2 s, now every ${every} s: \`${why}\`. ` +
          (wait > 0 ? `The next try is in ${wait} s.` : "It is being tried."),
      },
      {
        label: "Perhaps",
        text: /^\d/.test(why)
          ? "the process is overloaded, or something else answers in its place, such as a proxy."
          : `the process ended, is being replaced, or the port-forward broke: \`kubectl get pod${pod}\``,
      },
    ],
  };
}

/** Draws the verdict strip from `page`. */
export function drawVerdict() {
  if (!strip) buildVerdict();
  const { verdict, lost } = page;
  const section = byId("verdict");
  const isLarge = page.address.screen === "now" || Boolean(lost);
  const isLoading = !verdict && !lost;
  const model = lost
    ? lostModel(lost)
    : verdict
      ? verdictModel(verdict)
      : { sentence: "Asking for the verdict …", rows: [], word: "", since: "" };
  set(section, {
    "data-large": isLarge,
    "data-level": model.level,
    "data-loading": isLoading,
    "data-paused": page.paused !== null,
  });
  setMark(strip.mark, model.kind);
  put(strip.word, model.word);
  set(strip.word, { class: `verdict-word ${model.level}` });
  put(strip.since, model.since);
  // Methods are plain in the sentence: only types of errors and checks have a ground.
  putRich(strip.sentence, model.sentence, new Set(verdict?.rows.map(row => row.method)));
  const isOpen = isLarge || whyIsOpen;
  set(strip.rows, { hidden: !isOpen, "data-times": model.rows.some(row => row.since) });
  keep(strip.rows, model.rows, row => `${row.label} ${linkOf(row)}`, makeRow, bindRow);
  set(strip.why, { hidden: isLarge, "aria-expanded": isOpen });
  set(strip.copy, { hidden: Boolean(lost) });
  set(strip.again, { hidden: !lost });
  set(strip.save, { hidden: !lost || !verdict });
}

/** A number and the unit behind it, or a name in backquotes, in which nothing is to change. */
const WITH_UNIT = /`[^`]*`|(\d) (us\b|x\b|(?=%|(?:m?s|min|[hdMG]|[KMGT]iB|\/(?:s|min|h))\b))/g;
/** Units that the server writes in ASCII. */
const SIGNS = { us: "\u00b5s", x: "\u00d7" };

/**
 * As `rich`, of a sentence of the server: in it a unit stays with its number, and is written as in the
 * tables.
 */
export const richSentence = (text, chip) =>
  rich(
    String(text ?? "").replace(WITH_UNIT, (all, digit, unit) =>
      digit ? `${digit}\u202f${SIGNS[unit] ?? ""}` : all,
    ),
    chip,
  );

/**
 * Sets text in which names stand in backquotes, if it is another one: as code, or where `plain` is given as a
 * sentence.
 */
function putRich(node, text, plain) {
  if (node.richText === text) return;
  node.richText = text;
  fill(
    node,
    richSentence(text, Boolean(plain)).map(part =>
      part.textContent && plain?.has(part.textContent) ? part.textContent : part,
    ),
  );
}

/** Where a row leads: to the screen on which it is seen, if that is another one than this. */
function linkOf({ link }) {
  const here = location.hash.split("?")[0] || "#/now";
  return /^#\//.test(link) && link !== here && link;
}

/** A row; the whole of it is a link, if it is one. */
function makeRow(row) {
  const link = linkOf(row);
  return el(
    "li",
    el(
      link ? "a" : "div",
      link && { href: link },
      ["label", "time", "text"].map(name => el("span", { class: `verdict-${name}` })),
    ),
  );
}

function bindRow(node, row) {
  const [label, time, text] = node.firstChild.children;
  put(label, row.label);
  put(time, row.since ? sinceText(row.since) : "");
  putRich(text, row.text);
}

/* What is said to a screen reader, and in the browser's tab. */

const SAY_EVERY = 30000;
let saidAt = -Infinity;
let sayTimer = 0;
let saidLost = false;

/**
 * Puts a text into a live region. It is emptied before, as a text that is there already would not be said.
 */
function sayIn(id, text) {
  const node = put(byId(id), "");
  clearTimeout(node.timer);
  node.timer = setTimeout(put, 50, node, text);
}

/** Says a text politely, such as the number of rows that a filter found. */
export const say = text => sayIn("said", text);

/**
 * Says the verdict or the state of the connection at most once in 30 s; of what comes in between only the
 * last is said.
 */
function sayRarely(text) {
  clearTimeout(sayTimer);
  sayTimer = setTimeout(
    () => {
      saidAt = performance.now();
      say(text);
    },
    Math.max(0, saidAt + SAY_EVERY - performance.now()),
  );
}

/** What a verdict is about: if that is another one it is said, but not for other percentages or ages. */
const aboutOf = ({ boot, state, rows }) =>
  [boot, state, rows[0]?.method, rows[0]?.type, rows[0]?.rule].join("\n");

/**
 * Says a verdict that came after `before`, if it is about another thing: that something is bad now at once.
 */
export function tellVerdict(before) {
  drawTitle();
  const { verdict } = page;
  if (before && aboutOf(before) === aboutOf(verdict)) return;
  const text = verdictText(verdict).replaceAll("`", "");
  if (before && before.level !== "bad" && verdict.level === "bad") {
    // What waits to be said is of the state before.
    clearTimeout(sayTimer);
    sayIn("said-now", text);
  } else sayRarely(text);
}

/** Shows and says that the connection was lost, or is there again. */
export function tellConnection() {
  const isLost = Boolean(page.lost);
  root.toggleAttribute("data-lost", isLost);
  drawTitle();
  if (page.file) return;
  if (isLost !== saidLost) sayRarely(isLost ? "Connection lost" : "Connected again");
  saidLost = isLost;
}

/** The title of the tab: `FAILING · textprocessor`, `textprocessor`, `? textprocessor`. */
function drawTitle() {
  const { verdict } = page;
  if (!verdict) return;
  const name = verdict.service?.name ?? "monitor";
  const title = page.lost
    ? `? ${name}`
    : verdict.level === "ok"
      ? name
      : `${verdict.state.toUpperCase()} · ${name}`;
  if (document.title !== title) document.title = title;
}
