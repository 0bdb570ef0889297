/*
 * Now: what is wrong, since when, and what it looks like. At the left the plots of the requests (calls that
 * no monitored call made), at the right what changed most, the oldest calls in flight and the last errors.
 * All of it is one answer, `overview`. A time mark that is fixed (`at=` in the address) turns the right side
 * to what is known of that slot.
 */
import { link, screenLink } from "../address.js";
import { gridText } from "../axis.js";
import {
  button,
  el,
  keep,
  mark,
  markOfStatus,
  put,
  refill,
  rich,
  set,
  setMark,
  shownName,
  svg,
} from "../element.js";
import { isFlapping, lane } from "../lane.js";
import { age, clamp, count, counted, duration, mean, rate, share, usualText } from "../numbers.js";
import { axisRow, curveRow, eventRow, markedTime, plotStack } from "../plot.js";
import { setSmallCurve, smallCurve } from "../small.js";
import { now, page, RANGES } from "../source.js";
import { cell, rowObjects } from "../table.js";
import { clockTime, dayTime, sinceText } from "../time.js";
import { CALL_STATES } from "./inflight.js";
import { methodState } from "./methods.js";

/** Pixels above the lanes of health, of one lane, and below them. */
const LANES_ABOVE = 27;
const LANE_HEIGHT = 18;
const LANES_BELOW = 8;

const QUANTILES = ["p50", "p95", "p99"];

/* ---- Headings of the rows ---- */

/**
 * The small triangle of a number that has a level: it points up above the usual range, down below it. Without
 * a range there is none. What was judged is not always the number that is shown: calls in flight are judged
 * by their mean. But a number with a level is above its range, and only the rate may be below it.
 */
const nowArrow = () => svg("svg.now-arrow.none", { viewBox: "0 0 10 10", role: "img" }, svg("path"));

function drawArrow(node, level, isBelow) {
  set(node, { class: `now-arrow ${level}`, "aria-label": isBelow ? "below usual" : "above usual" });
  set(node.firstChild, { d: isBelow ? "M5 8.8.6 1h8.8z" : "M5 1.2 9.4 9H.6z" });
}

/** A usual range of durations in few letters: `20–24 ms`, `≤ 1.2 ms`. The exact one is in the title. */
export function shortUsual(range) {
  const [low, high] = (range ?? []).map(duration);
  const [number, unit] = low?.split("\u202f") ?? [];
  return low === high ? (low ?? "") : high.endsWith(`\u202f${unit}`) ? `${number}–${high}` : `≤ ${high}`;
}

/**
 * The numbers of a service or a method with their formats; of a changed method the first one with a level is
 * shown.
 */
const NUMBER_FORMATS = {
  failed: share,
  oldest: age,
  p99: duration,
  p95: duration,
  p50: duration,
  in_flight: count,
  rate,
};

/**
 * A number of now with an arrow (`nodes`), and its usual range, which is written into `usual`; that of
 * durations is short, without the word where it has a head of a column (`isBare`).
 */
export function nowNumber(key, usual, isBare) {
  const format = NUMBER_FORMATS[key];
  const nodes = [el("span"), nowArrow()];
  return {
    nodes,
    usual,
    draw(numbers, ranges, levels, end = "") {
      const [value = null, range, level] = [numbers, ranges, levels].map(all => all?.[key]);
      cell(nodes[0], format(value), level);
      const isBelow = key === "rate" && range && value < (range[0] + range[1]) / 2;
      drawArrow(nodes[1], (range && level) || "none", isBelow);
      const words = usualText(range, format === count ? mean : format);
      const short = format === duration && shortUsual(range);
      const shown = short ? (isBare ? short : `usual ${short}`) : words;
      set(usual, { title: (short && words) || null, text: shown && shown + end });
    },
  };
}

/* ---- Health ---- */

/** The words of a lane: the name, or how many others. */
function laneWords({ kind, name, n }, isAlone) {
  if (kind !== "rest") return shownName(name);
  return isAlone ? `all ${n}` : counted(n, "other");
}

/** The lanes of health as a row of the stack. */
function healthRow() {
  const names = el("ul.now-lanes");
  const group = svg("g");
  const makeName = () => el("li", mark(), el("span"), el("span.hidden"));
  const makeLane = () => {
    const drawn = lane();
    return Object.assign(drawn.node, { drawLane: drawn.draw });
  };
  const text = ({ changes }) => (isFlapping(changes) ? "DOWN, flaps" : "DOWN");
  return {
    name: "health",
    head: [el("h2", "Health"), names],
    heights: ({ lanes: { length } }) =>
      [LANES_ABOVE, 0].map(above => above + LANE_HEIGHT * length + LANES_BELOW),
    nodes: group,
    draw({ x, from, to, end, left, right, small }, { lanes }) {
      const id = one => one.kind + one.name;
      const isAlone = lanes.length === 1;
      let y = (small ? 0 : LANES_ABOVE) - LANE_HEIGHT / 2;
      keep(names, lanes, id, makeName, (item, one) => {
        const [shape, name, said] = item.childNodes;
        const status = one.spans.at(-1)?.[1] ?? "UNKNOWN";
        const words = laneWords(one, isAlone);
        setMark(shape, markOfStatus(status));
        put(set(name, { title: words }), isAlone && status === "UP" ? `${words} UP` : words);
        put(said, `: ${status}`);
      });
      keep(group, lanes, id, makeLane, (node, one) => {
        // A bar begins behind a name that stands in the plot: at 7.3 px a letter, at most in its middle.
        const behind = small
          ? clamp(laneWords(one, isAlone).length * 7.3 + 8 - left, 0, right / 2 - left)
          : 0;
        const first = from + ((to - from) * behind) / (right - left);
        node.drawLane(one.spans, { x, from: first, to: end, y: (y += LANE_HEIGHT), text });
      });
    },
  };
}

/* ---- The side column ---- */

/**
 * A section of the side column: heading, `more` at its right, a list, and what stands there without one.
 */
function sideSection(title, more, list = "ul") {
  const [heading, right] = [el("h2", title), el("span.now-right", more)];
  const [items, none] = [el(list), el("p.now-none")];
  return {
    node: el("section", el("header", heading, right), items, none),
    heading,
    right,
    items,
    none,
  };
}

/** Changed methods, or the busiest ones. */
function changedSection() {
  const all = el("a", { href: link("methods") });
  const section = sideSection("Busiest", all);
  const make = ({ change }) =>
    el(
      "li",
      { class: change && "changed" },
      el(
        "a",
        mark(),
        el("span.now-name", el("span"), el("small", el("code"), el("span"))),
        smallCurve(88, change ? 30 : 20),
        el("span"),
      ),
    );
  section.draw = ({ changed }) => {
    if (!changed) return;
    const rows = rowObjects(changed.cols, changed.rows);
    const isChanged = rows.some(row => row.change);
    put(
      section.heading,
      isChanged ? "Changed most" : rows.some(row => row.rate || row.in_flight) ? "Busiest" : "Known methods",
    );
    put(all, `all ${count(changed.total)}`);
    keep(
      section.items,
      rows,
      row => `${row.id} ${Boolean(row.change)}`,
      make,
      (item, row) => {
        const { change, level, name, p95 } = row;
        const [shape, names, curve, value] = item.firstChild.childNodes;
        const [words, kind] = methodState(row);
        const key = Object.keys(NUMBER_FORMATS).find(one => level?.[one]) ?? "rate";
        set(item.firstChild, { href: screenLink("method", name), title: name });
        setMark(shape, kind, words);
        put(names.firstChild, shownName(name));
        const [, type, , through] = change || [];
        put(names.lastChild.firstChild, through ? "" : type);
        put(
          names.lastChild.lastChild,
          through ? `through ${through}` : change ? `${type ? ", " : ""}p95 ${duration(p95)}` : "",
        );
        setSmallCurve(curve, changed.curves?.[row.id]);
        cell(value, NUMBER_FORMATS[key](row[key]), level?.[key]);
      },
    );
    const rest = [
      changed.ok && `${count(changed.ok)} as usual`,
      changed.idle && `${count(changed.idle)} idle`,
    ];
    refill(
      section.none,
      isChanged
        ? [mark("ok"), rest.filter(Boolean).join(", ")]
        : rows.length
          ? ""
          : "No method is known yet.",
    );
  };
  return section;
}

/** The oldest calls in flight, each with the names of the calls in it: `Spelling › LookUpWords`. */
function oldestSection() {
  const all = el("a", { href: link("inflight") });
  const section = sideSection("Oldest in flight", all);
  const make = () => el("li", el("a", { href: link("inflight") }, el("span"), el("span"), el("span")));
  const path = ({ name, kids }) => [shownName(name), ...(kids?.length ? path(kids[0]) : [])];
  section.draw = ({ oldest, numbers = {} }) => {
    put(section.heading, page.verdict?.phase === "draining" ? "Still running" : "Oldest in flight");
    const inFlight = numbers.in_flight;
    // That number is of the end of the last slot, the list is of the moment of the answer.
    const listed = oldest.reduce((sum, line) => sum + line.count, 0);
    put(all, oldest.length ? `all ${count(Math.max(inFlight ?? 0, listed))}` : "all");
    keep(
      section.items,
      oldest,
      line => line.id,
      make,
      (item, line) => {
        const [time, names, state] = item.firstChild.childNodes;
        put(set(time, { "data-level": line.level }), age(line.age));
        const text = path(line).join(" › ");
        put(set(names, { title: text }), text);
        put(state, line.count > 1 ? `× ${count(line.count)}` : (CALL_STATES[line.state] ?? line.state));
      },
    );
    const none = inFlight ? "The calls that were counted last have ended." : "Nothing runs.";
    put(section.none, oldest.length ? "" : none);
  };
  return section;
}

/** The last errors, or that there were none. */
function errorsSection() {
  const section = sideSection("Last errors");
  const make = () => el("li", el("time"), el("a"), el("p"));
  section.draw = ({ errors: { last, expected, rate: perSecond } }) => {
    put(section.right, perSecond > 0 ? rate(perSecond) : "in 30 s");
    keep(
      section.items,
      last,
      one => `${one.t} ${one.method} ${one.type}`,
      make,
      (item, { t, method, type, text }) => {
        const [time, name, words] = item.childNodes;
        put(time, sinceText(t));
        put(set(name, { href: screenLink("method", method) }), shownName(method));
        put(set(words, { title: text }), text || type);
      },
    );
    const calm = expected.map(([type, n], index) => [
      index ? ", " : "None that counts. Expected ones: ",
      el("code", type),
      ` ${count(n)}`,
    ]);
    refill(section.none, last.length ? "" : calm.length ? [calm, "."] : "None.");
  };
  return section;
}

/** What is known of the slot at the fixed time mark; `draw` is true if there is such a slot. */
function slotSection(close) {
  const section = sideSection("", button("Back to now", close, { class: "plain" }), "dl");
  set(section.node, { hidden: true });
  section.draw = (t, { t0, step, slots, events, lanes }, read) => {
    const isKnown = t !== null && t >= t0 - 0.001 && t < t0 + slots * step;
    set(section.node, { hidden: !isKnown });
    if (!isKnown) return false;
    put(section.heading, `At ${clockTime(t)}`);
    const down = lanes
      .filter(one => one.spans.findLast(([begin]) => begin < t + step)?.[1] === "DOWN")
      .map(one => laneWords(one));
    const list = [
      ...read(t).map(({ name, text }) => [name, text]),
      ["DOWN", down.join(", ") || "nothing"],
      ...events
        .filter(event => event.t >= t - step && event.t < t + 2 * step)
        .map(event => [clockTime(event.t), rich(event.text)]),
    ];
    keep(
      section.items,
      Object.entries(list),
      ([index]) => index,
      () => el("div", el("dt"), el("dd")),
      (item, [, [name, value]]) => {
        put(item.firstChild, name);
        refill(item.lastChild, value);
      },
    );
    return true;
  };
  return section;
}

/* ---- The screen ---- */

/** The row of calls in flight, here and of a method. */
export const flightRow = more =>
  curveRow({
    name: "flight",
    least: 4,
    format: mean,
    curves: [{ key: "in_flight", name: "In flight", kind: "data" }],
    ...more,
  });

/** The three rows of curves above that. */
const nowCurves = heads =>
  [
    {
      name: "failed",
      heights: [118, 92],
      least: 0.01,
      format: share,
      tick: (value, step) => `${gridText(value * 100, step * 100)} %`,
      curves: [
        { key: "failed", name: "Failed requests", kind: "bad", area: "bad", zeros: false, dot: false },
      ],
    },
    {
      name: "rate",
      heights: [96, 76],
      least: 1,
      format: rate,
      curves: [
        { key: "failedRate", kind: "bad", area: "bad", mean: true, zeros: false, dot: false },
        { key: "rate", name: "Requests", kind: "data", mean: true },
      ],
    },
    {
      name: "duration",
      heights: [168, 120],
      format: duration,
      curves: QUANTILES.map(name => ({ key: name, name, kind: name, label: name, dot: name !== "p99" })),
    },
  ].map(row => curveRow({ ...row, head: heads[row.name], grows: true }));

/** The plots before the first answer: headings and grids. */
const NO_DATA = { t0: 0, step: 2, slots: 0, series: {}, events: [], lanes: [] };

/**
 * What the plots need of an answer. The lowest p50 that is usual says where the scale of durations begins.
 */
function nowData(answer) {
  const { rate: all, failed } = answer.series;
  const failedRate = all.map((value, index) => value * failed[index]);
  return {
    ...answer,
    slots: all.length,
    low: answer.usual?.p50?.[0] ?? Infinity,
    series: { ...answer.series, failedRate },
  };
}

/** The screen Now. */
export const nowScreen = {
  path: () => `overview?range=${page.range}`,
  open(main) {
    const numbers = ["failed", "rate", "in_flight", ...QUANTILES].map((key, i) =>
      nowNumber(key, el(i < 3 ? "p.now-usual" : "td.now-usual"), i > 2),
    );
    const [failed, perSecond, flight, ...quantiles] = numbers;
    const [oldestAge, note, short] = [el("p.now-usual.more"), el("p"), el("p.now-usual.now-short")];
    const head = (title, { nodes, usual }) => [el("h2", title), el("p.now-number", nodes), usual];
    const usualHead = el("th.hidden", { scope: "col" }, "usual");
    const table = el(
      "table.now-quantiles",
      el("thead", el("tr", el("td"), el("th", { scope: "col" }, "now"), usualHead)),
      el(
        "tbody",
        quantiles.map(({ nodes, usual }, index) =>
          el("tr", el("th", { scope: "row" }, QUANTILES[index]), el("td", nodes), usual),
        ),
      ),
    );
    const rows = [
      eventRow(),
      healthRow(),
      ...nowCurves({
        failed: head("Failed requests", failed),
        rate: head("Requests", perSecond),
        duration: [el("h2", "Duration"), table],
      }),
      flightRow({ head: [head("In flight", flight), oldestAge], heights: [100, 76], grows: true }),
      axisRow(note),
    ];
    const sections = [changedSection(), oldestSection(), errorsSection()];
    const stack = plotStack(rows, { sided: true, onFix: drawSlot });
    const slot = slotSection(() => stack.fix(null));
    const side = el(
      "aside.now-side",
      { "aria-label": "Methods, calls and errors" },
      slot.node,
      sections.map(one => one.node),
    );
    main.append(el("div.now", el("div.now-plots", stack.node, short), side));
    let data = NO_DATA;
    stack.draw(data);

    function drawSlot() {
      const isFixed = slot.draw(markedTime(), data, stack.read);
      for (const { node } of sections) set(node, { hidden: isFixed });
    }

    /** The small print: what the grey is, or when it will be known; and how far back the history goes. */
    function drawNotes({ usual, usual_from: known, before, numbers: { oldest } = {}, level }) {
      const started = page.verdict?.service?.started ?? 0;
      put(
        set(note, { class: `now-usual now-note ${usual ? "known" : ""}` }),
        usual
          ? "usual, last 3 h"
          : `usual: ${known ? `known from ${dayTime(known).slice(0, 5)} on` : "not known yet"}`,
      );
      set(usualHead, { class: usual ? "" : "hidden" });
      put(oldestAge, level.oldest ? `oldest ${age(oldest)}` : "");
      const isShort =
        data.slots && !before && data.t0 > Math.max(started, now() - RANGES[page.range]) + 2 * data.step;
      put(short, isShort ? `History is kept for ${age((page.paused ?? now()) - data.t0)} here.` : "");
    }

    return {
      draw(answer) {
        if (!answer) return;
        data = nowData(answer);
        for (const one of numbers) one.draw(answer.numbers, answer.usual, answer.level);
        drawNotes(answer);
        for (const one of sections) one.draw(answer);
        const [changed, oldest] = sections;
        const first = page.verdict?.phase === "draining" ? oldest : changed;
        if (slot.node.nextSibling !== first.node) slot.node.after(first.node);
        stack.draw(data);
        drawSlot();
      },
      /** Without a history there is nothing to draw; the screen shows that, and polling goes on. */
      fail({ body }) {
        const isOff = body?.error === "the history is off";
        if (isOff) put(short, "The history is off here.");
        return isOff;
      },
      key: stack.key,
      close: stack.close,
    };
  },
};
