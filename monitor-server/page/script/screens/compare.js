/*
 * The screen Compare: two windows of 5 minutes beside each other, of this process at two times or of snapshot
 * files.
 *
 * A side is written in the address (`#/compare?a=15m&b=now`): `now`, `15m`, `1h`, `24h` before now, the
 * seconds since 1970 of its end, or `file`, which is a snapshot that was opened here and is known until the
 * tab is closed. Methods are matched by their names, as their numbers differ from process to process.
 *
 * The numbers and their 95 % intervals come from the JSON. Whether a difference is a change is decided here:
 * this is the one exception from the rule that levels come from the JSON, as one side may be a file, which
 * the server does not have. The bounds are those of the foot of the screen: two intervals that do not overlap
 * are a change if it is also large enough to matter. The intervals are of independent samples, so windows of
 * one process that overlap are named above the table.
 */
import { decadeText } from "../axis.js";
import { openDialog } from "../dialog.js";
import { button, el, onResize, put, refill, rich, set, svg } from "../element.js";
import { pickFile, readSnapshot } from "../file.js";
import { replaceAddress } from "../main.js";
import { count, counted, duration, ratio, rateNumber, share } from "../numbers.js";
import { drawTexts, px } from "../plot.js";
import { ask, now, page } from "../source.js";
import { METHOD_COLUMN, cell, makeTable, methodLink, numberCell, rowObjects } from "../table.js";
import { clockTime, dayTime, zoneOffset } from "../time.js";

/** Seconds of a window, and after how many a window that moves with the time is asked for again. */
const COMPARE_WINDOW = 300;
const COMPARE_EVERY = 10;

/** A change of p95 is at least this factor, one of the share that failed at least this much. */
const COMPARE_FACTOR = 1.5;
const COMPARE_POINTS = 0.01;

/**
 * So many calls in one window and none in the other are no chance: 6 calls that all fall into one half have
 * one of 3 %.
 */
const COMPARE_CALLS = 6;

/** What a side can be; the seconds are how long before now its window ends. */
const COMPARE_SIDES = [
  ["now", "now", 0],
  ["15m", "15 min ago", 900],
  ["1h", "1 h ago", 3600],
  ["24h", "24 h ago", 86400],
];

/** Snapshot files that were opened here, by side: `{ name, snapshot }`. */
const compareFiles = {};

/**
 * Reads a side of the address: `{ kind, seconds }` for `now` and `15m`, `{ kind: "time", at }`, `{ kind:
 * "file" }`.
 */
export function compareSide(text, otherwise) {
  const known = COMPARE_SIDES.find(([name]) => name === text);
  if (known) return { kind: text, seconds: known[2] };
  if (text === "file") return { kind: "file" };
  return /^\d{9,10}$/.test(text) ? { kind: "time", at: Number(text) } : compareSide(otherwise, "now");
}

/** A number, an interval, or null: a file may hold anything. */
const compareCell = value =>
  Number.isFinite(Array.isArray(value) ? value[1] - value[0] : value) ? value : null;

/** The rows of a window by the names of methods, each row an object. */
function compareWindow({ from, to, cols, rows }) {
  const methods = new Map();
  for (const { name, ...cells } of rowObjects(cols, rows)) {
    methods.set(
      String(name),
      Object.fromEntries(Object.entries(cells).map(([key, value]) => [key, compareCell(value)])),
    );
  }
  return { from, to, methods };
}

/**
 * What changed from `a` to `b`, the rows of a method or null where it had no call. `calls`: "new", "gone".
 * `is`: it is more than the noise of both windows. `slower`, `fails`: it is for the worse.
 */
export function compareRow(a, b) {
  const apart = field => {
    const [one, other] = [a?.[field], b?.[field]];
    return Boolean(one && other && (one[1] < other[0] || other[1] < one[0]));
  };
  const calls = a && b ? "" : (a ?? b).calls < COMPARE_CALLS ? "" : a ? "gone" : "new";
  const times = a?.p95 > 0 && b?.p95 > 0 ? b.p95 / a.p95 : 1;
  const failed = (b?.failed ?? NaN) - (a?.failed ?? NaN) || 0;
  const moved = Math.max(times, 1 / times) >= COMPARE_FACTOR && apart("p95_ci");
  const fails = Math.abs(failed) >= COMPARE_POINTS && apart("failed_ci");
  return {
    calls,
    failed,
    is: Boolean(calls || moved || fails),
    slower: moved && times > 1,
    fails: fails && failed > 0,
  };
}

/** The rows of two windows: `{ name, a, b, change }`. */
const compareRows = (before, after) =>
  [...new Set([...before.methods.keys(), ...after.methods.keys()])].map(name => {
    const [a, b] = [before, after].map(({ methods }) => methods.get(name) ?? null);
    return { name, a, b, change: compareRow(a, b) };
  });

/** The decades that the dumbbells' scale goes over, at least three: `[-4, 0]` is 100 µs to 1 s. */
export function compareDecades(rows) {
  let [low, high] = [Infinity, -Infinity];
  for (const { p95 } of rows.flatMap(({ a, b }) => [a, b]).filter(row => row?.p95 > 0))
    [low, high] = [Math.min(low, p95), Math.max(high, p95)];
  if (high < 0) return [-4, 0];
  low = Math.floor(Math.log10(low));
  return [low, Math.max(low + 3, Math.ceil(Math.log10(high)))];
}

/** An empty dumbbell: the grid of decades, a line from before to after, a ring before, a dot after. */
const makeBell = () =>
  svg(
    "svg.compare-bell",
    { height: 20 },
    ["grid", "line"].map(name => svg("path", { class: `compare-${name}` })),
    ["ring", "dot"].map(name => svg("circle", { class: `compare-${name}`, r: 3.6, cy: 10 })),
  );

function bindBell({ firstChild: bell }, { a, b, change }, { x, low, high }) {
  const [from, to] = [a, b].map(row => (row?.p95 > 0 ? px(x(Math.log10(row.p95))) : null));
  let grid = "";
  for (let decade = low; decade <= high; decade += 1) grid += `M${px(x(decade))} 0V20`;
  const parts = [{ d: grid }, { d: from && to && `M${from} 10H${to}` }, { cx: from ?? -9 }, { cx: to ?? -9 }];
  parts.forEach((part, at) => set(bell.children[at], part));
  set(bell, { "data-level": change.slower && "bad" });
}

/** The fields, and how they are written. */
const COMPARE_FIELDS = { p95: duration, p50: duration, failed: share, rate: rateNumber };

/** Three columns of a field: before, after, and the change from one to the other; `more` is of all three. */
function compareColumns(field, over, more) {
  const format = COMPARE_FIELDS[field];
  const times = ({ a, b }) => (a?.[field] > 0 && b?.[field] > 0 ? b[field] / a[field] : null);
  const side = (which, title) => ({
    key: `${field}-${which}`,
    over,
    title,
    right: true,
    sort: row => row[which]?.[field] ?? null,
    bind(td, row) {
      const [value, sure] = [field, `${field}_ci`].map(name => row[which]?.[name] ?? null);
      numberCell(td, value, format, field === "failed" && which === "b" && row.change.fails && "bad");
      set(td, {
        title:
          sure && `95 % interval ${format(sure[0])} – ${format(sure[1])}, ${count(row[which].calls)} calls`,
      });
    },
    ...more,
  });
  return [
    side("a", "before"),
    side("b", "after"),
    {
      key: `${field}-change`,
      over,
      title: "change",
      right: true,
      sort: row => times(row) && Math.abs(Math.log(times(row))),
      bind(td, row) {
        const words = field === "p95" ? row.change.calls : "";
        cell(
          td,
          words || ratio(times(row)),
          field !== "rate" && row.change.slower && times(row) >= COMPARE_FACTOR && "bad",
        );
      },
      ...more,
    },
  ];
}

/** All columns. The last one is only where rows are stacked, and has the values of the others in a line. */
function compareTable(view, axis) {
  const bell = {
    key: "bell",
    over: "p95",
    stack: "bell",
    make: makeBell,
    bind: (td, row) => bindBell(td, row, view),
    head: () => [axis, el("span.hidden", "before to after")],
  };
  const words = {
    key: "line",
    from: Infinity,
    stack: "second",
    bind(td, { a, b }) {
      const [times, failed, calls] = ["p95", "failed", "rate"].map(field =>
        [a, b].map(row => COMPARE_FIELDS[field](row?.[field] ?? null)).join(" → "),
      );
      put(td, `${times}, ${a?.failed || b?.failed ? `${failed} failed, ` : ""}${calls} /s`);
    },
  };
  const [before, after, change] = compareColumns("p95", "p95");
  return [
    METHOD_COLUMN,
    before,
    bell,
    after,
    { ...change, stack: "figure" },
    ...compareColumns("failed", "Failed").slice(0, 2),
    ...compareColumns("rate", "Calls /s"),
    ...compareColumns("p50", "p50", { from: 1280 }),
    words,
  ];
}

/** The window of a side, from a file or from the server. Fails with a sentence. */
async function loadSide(side, which) {
  const file = side.kind === "file" ? compareFiles[which]?.snapshot : page.file;
  if (file) {
    const window = file.windows?.[side.kind === "file" ? "now" : side.kind];
    if (window) return compareWindow(window);
    throw new Error(
      side.kind === "time" ? "a file has no window of a time of choice" : "the file has no such window",
    );
  }
  if (side.kind === "file") throw new Error("the file is not open any more: open it once more");
  const at = side.at ?? (page.paused ?? now()) - side.seconds;
  const started = page.verdict?.service?.started;
  // The server would answer with an error, which every browser shows as one on the console.
  if (!(at > started)) throw new Error(`this process began at ${clockTime(started)}`);
  return compareWindow(await ask(`compare?at=${at.toFixed(0)}&window=${COMPARE_WINDOW}`));
}

/**
 * The picker of a side: `{ node, draw(side, window) }`. `choose(text)` takes what stands in the address then.
 */
function makePicker({ which, title }, choose) {
  const options = [...COMPARE_SIDES, ["time", "at a time …"], ["file", "a file …"]];
  let end = 0;
  const select = el(
    "select.button",
    {
      "aria-label": title,
      on: { change: () => choose(select.value === "time" ? end : select.value) },
    },
    options.map(([value, text]) => el("option", { value }, text)),
  );
  const field = el("input", {
    type: "datetime-local",
    class: "button",
    "aria-label": `${title}: end of the window`,
    on: {
      change() {
        // The field has no zone: what stands in it is of the zone of the page.
        const at = Date.parse(`${field.value}Z`) / 1000;
        if (at) choose(at - zoneOffset(at));
      },
    },
  });
  field.step = 1;
  const said = el("span.compare-window");
  const key = svg(
    "svg",
    { viewBox: "0 0 10 10", class: "compare-key" },
    svg("circle", { class: which === "a" ? "compare-ring" : "compare-dot", cx: 5, cy: 5, r: 3.6 }),
  );
  return {
    node: el("div.compare-side", key, title, select, field, said),
    draw(side, window) {
      end = Math.round(side.at ?? window?.to ?? now());
      select.value = side.kind;
      set(field, { hidden: side.kind !== "time" });
      // A file may say that its window ends beyond all calendars.
      if (!field.hidden && document.activeElement !== field)
        field.value = new Date((end + zoneOffset(end)) * 1000).toISOString().slice(0, 19);
      const name = side.kind === "file" && compareFiles[which]?.name;
      put(
        said,
        [name, window && `${clockTime(window.from).slice(0, -3)} – ${dayTime(window.to).slice(0, 5)}`]
          .filter(Boolean)
          .join(", "),
      );
      set(said, { title: name });
    },
  };
}

/**
 * The screen Compare. It has requests of its own, as there are two windows, and as every 10 s is enough for
 * them.
 */
export const compareScreen = {
  path: () => null,
  open(main) {
    const axis = svg("svg.compare-axis", { height: 16 });
    // How the dumbbells are drawn, and whether what is compared is another than in the table.
    const view = {};
    let isOther = true;
    // What a side has: its `window` or the `problem`, and what it was `asked` for and when.
    const a = { which: "a", title: "before", otherwise: "15m" };
    const b = { which: "b", title: "after", otherwise: "now" };
    const sides = [a, b];
    for (const side of sides) side.picker = makePicker(side, text => choose(side, text));
    const problem = el("p.compare-problem", { role: "status" });
    const table = makeTable({
      name: "compare",
      label: "Methods before and after",
      columns: compareTable(view, axis),
      key: row => row.name,
      sort: "-p95-change",
      then: ({ change }) => Math.abs(change.failed),
      group: ({ change }) => (change.is ? 0 : 1),
      stackBelow: 860,
      row: [34, 76],
      divider: rows => `${counted(rows.length, "method")} within the noise of both windows`,
      level: ({ change }) => (change.slower || change.fails ? "bad" : ""),
      open: methodLink,
      empty: "No method was called in either window.",
    });
    main.append(
      el(
        "div.compare-bar",
        sides.map(({ picker }) => picker.node),
        button("Open a snapshot file …", () => choose(needsFile(b) ? b : a, "file")),
        button("swap", swap, { class: "plain" }),
        el("span.compare-order", "what changed first"),
      ),
      problem,
      table.node,
      el(
        "p.compare-foot",
        "A method changed if the 95 % intervals of both windows of 5 min do not overlap, " +
          `and p95 by at least ${COMPARE_FACTOR} × or the share that failed by at least ` +
          `${COMPARE_POINTS * 100} percentage point. New and gone ones had ${COMPARE_CALLS} calls or more ` +
          "in one window, and none in the other.",
      ),
    );

    const textOf = ({ which, otherwise }) => page.address.params.get(which) ?? otherwise;
    const wantedOf = side => compareSide(textOf(side), side.otherwise);
    const isFile = side => wantedOf(side).kind === "file";
    const needsFile = side => isFile(side) && !compareFiles[side.which];

    /** Writes a side into the address; for a file it is chosen first. */
    async function choose(side, text) {
      try {
        const file = text === "file" ? await pickFile() : null;
        if (file) compareFiles[side.which] = { name: file.name, snapshot: await readSnapshot(file) };
        if (file || text !== "file") replaceAddress({ [side.which]: String(text) });
        side.asked = null;
      } catch (error) {
        openDialog("Wrong file", "", el("p", rich(error.message)));
      }
      load();
    }

    function swap() {
      [compareFiles.a, compareFiles.b] = [compareFiles.b, compareFiles.a];
      replaceAddress({ a: textOf(b), b: textOf(a) });
      load();
    }

    /**
     * Gets the window of a side if it is another one, or moved on. Those of a fixed time and of a file stay,
     * and while the page is paused or the process does not answer all do.
     */
    async function loadOne(side) {
      const { which } = side;
      const [wanted, at] = [wantedOf(side), performance.now() / 1000];
      const asked = `${textOf(side)} ${page.file?.taken} ${page.verdict?.boot} ${compareFiles[which]?.name}`;
      const isSame = side.asked === asked;
      const isStill = page.paused !== null || page.lost || at - side.at < COMPARE_EVERY;
      if (isSame && (isStill || !(wanted.seconds >= 0 || side.isLost))) return;
      Object.assign(side, { asked, at });
      const found = await loadSide(wanted, which).then(
        window => ({ window, problem: null, isLost: false }),
        // An error of the browser's has a name of its own, and its words differ from browser to browser.
        ({ name, body, message }) => {
          const isLost = name !== "Error";
          // A window that moves on stays as it was until the process answers again.
          if (isLost && isSame && side.window) return { isLost };
          const problem = isLost ? "no answer from the process" : (body?.error ?? message);
          return { window: null, isLost, problem };
        },
      );
      if (side.asked === asked) Object.assign(side, found);
      isOther ||= !isSame;
    }

    async function load() {
      await Promise.all(sides.map(loadOne));
      if (main.contains(problem)) draw();
    }

    /** Whether two windows of this process have calls in common: then they are not independent samples. */
    const isShared = (one, other) =>
      one && other && one.from < other.to && other.from < one.to && !sides.some(isFile);

    function draw() {
      for (const side of sides) side.picker.draw(wantedOf(side), side.window);
      const words = [
        a.problem && `Before: ${a.problem}.`,
        b.problem && `After: ${b.problem}.`,
        isShared(a.window, b.window) && "The windows overlap: the calls in both make a change smaller.",
      ]
        .filter(Boolean)
        .join(" ");
      refill(problem, rich(words));
      set(problem, { hidden: !words });
      const areKnown = a.window && b.window;
      set(table.node, { hidden: !areKnown });
      const width = axis.clientWidth || table.node.querySelector(".compare-bell")?.clientWidth || 200;
      const isDrawn = view.a === a.window && view.b === b.window && view.width === width;
      if (!areKnown || isDrawn) return;
      const rows = compareRows(a.window, b.window);
      const [low, high] = compareDecades(rows);
      const x = decade => 5 + ((decade - low) / (high - low)) * (width - 10);
      Object.assign(view, { a: a.window, b: b.window, width, low, high, x });
      table.draw(rows, isOther);
      isOther = false;
      const tick = (_, i) => {
        const decade = low + 1 + i;
        return { x: x(decade), y: 12, text: decadeText(10 ** decade), end: "middle" };
      };
      // A text needs 44 px: on narrow scales not every decade has one.
      const every = Math.ceil(44 / (x(1) - x(0)));
      drawTexts(
        axis,
        Array.from({ length: high - low - 1 }, tick).filter((_, i) => i % every === 0),
      );
    }

    const unwatch = onResize(draw, main);
    return {
      draw: load,
      key: table.key,
      close() {
        unwatch();
        table.close();
      },
    };
  },
};
