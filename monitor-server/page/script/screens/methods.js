/*
 * The screen Methods: one row a method, the worst change first.
 *
 * What is bad stands in the JSON: a row has a `state`, and `level` names the numbers that have a colour. The
 * usual range of a number is its `title`. Curves are asked for where rows are in view: those that are
 * missing, and after 15 s, when a curve has one more place, all of them; so that an answer between that has
 * only the rows that changed.
 */
import { el, mark, put, set, setMark, svg } from "../element.js";
import { age, count, counted, duration, rate, rateNumber, ratio, share, usualText } from "../numbers.js";
import { FAILURES } from "../heat.js";
import { px } from "../plot.js";
import { setSmallCurve, smallCurve } from "../small.js";
import { now } from "../source.js";
import {
  METHOD_COLUMN,
  cell,
  durationCell,
  makeTable,
  methodLink,
  numberCell,
  rowObjects,
} from "../table.js";
import { sinceText } from "../time.js";

/** Words of the states of a method, by the letter of the JSON, and the kinds of their marks. */
const METHOD_STATES = {
  f: ["failing", "bad"],
  s: ["slow", "warn"],
  k: ["stuck", "bad"],
  i: ["idle", "idle"],
  o: ["as usual", "ok"],
};
export const methodState = ({ state }) => METHOD_STATES[state] ?? METHOD_STATES.i;

/** The name of the number that the `ratio` of a change is of, by its rule; p99 where it is not here. */
const CHANGED_NUMBER = {
  failures: "failed",
  panics: "failed",
  slow: "p50",
  stuck: "oldest",
  silence: "calls",
};

/**
 * What changed in a method as `[before, error type, method at fault, after]`, of a stacked row shorter and
 * for each method.
 */
export function changeText({ change, state, last_call: last, rate: calls, p95 }, isShort) {
  const idle = state === "i" && last !== null ? age(now() - last) : "";
  if (!change && !isShort) return [idle && `last call ${idle} ago`];
  if (!change)
    return [state === "i" ? (idle ? `idle for ${idle}` : "idle") : `${rate(calls)}, p95 ${duration(p95)}`];
  const [rule, type, since, through, times] = change;
  const start = since ? ` since ${sinceText(since)}` : "";
  if (through) return ["through ", "", through, isShort ? "" : start];
  const text = isShort ? "" : ratio(times);
  const against = text.endsWith("×") ? `, ${CHANGED_NUMBER[rule] ?? "p99"} ${text} usual` : "";
  return [type ? "" : methodState({ state })[0], type, "", start + against];
}

/** Draws what changed in a method into a node: before, error type, method at fault, after. */
export function drawChange(node, method, isShort) {
  if (!node.firstChild) node.append(el("span"), el("code"), el("strong"), el("span"));
  const texts = changeText(method, isShort);
  for (let at = 0; at < 4; at++) put(node.children[at], texts[at]);
}

const makeErrorBar = () =>
  svg(
    "svg",
    { width: 72, height: 8 },
    svg("rect.error-ground", { height: 8 }),
    FAILURES.map(kind => svg("rect.outcome", { "data-kind": kind, height: 8 })),
  );

/**
 * The bar of all calls: the first three error types that count, further ones, expected ones; each at least 1
 * px wide.
 */
function drawErrorBar(td, { errors, rate: calls }) {
  const sums = [0, 0, 0, 0, 0];
  let types = 0;
  for (const [, number, counts] of errors || []) sums[counts ? Math.min(3, types++) : 4] += number;
  const [ground, ...parts] = td.firstChild.children;
  set(ground, { width: types && 72 });
  if (!errors && !td.drawn) return;
  td.drawn = errors;
  let x = 0;
  sums.forEach((number, at) => {
    const width = number && Math.min(72 - x, Math.max(1, (72 * number) / (calls || number)));
    set(parts[at], { x: px(x), width: px(width) });
    x += width;
  });
}

/** The number of a stacked row: what its state is about. */
function drawMethodFigure(td, method) {
  const [, level] = methodState(method);
  if (method.state === "s") durationCell(td, method.p99, level);
  else if (method.state === "k") cell(td, age(method.oldest), level);
  else cell(td, share(method.failed), method.failed ? level : "none");
}

/** Curves by id, and when they came. */
let methodCurves = new Map();
let methodsTable = null;

export const methodsScreen = {
  path() {
    const seen = methodsTable?.inView().map(({ id }) => id) ?? [];
    // Before the first answer no id is known: those of a small service are the first ones.
    if (!seen.length) return `methods?curves=${[...Array(60).keys()]}`;
    const wanted = seen.filter(id => !(methodCurves.get(id)?.at > performance.now() - 15000));
    return `methods?rows=${seen}${wanted.length ? `&curves=${wanted}` : ""}`;
  },

  open(main) {
    let [methods, cols, usual, boot] = [[], [], new Map(), ""];
    /** A column of a number: its text in a cell, and its format with unit for the usual range. */
    const column = (key, title, format, from = 0, text = format) => ({
      key,
      title,
      right: true,
      from,
      sort: method => method[key],
      bind(td, method) {
        numberCell(td, method[key], text, method.level?.[key]);
        const range = usual.get(method.id)?.[cols.indexOf(key)];
        if (td.range !== range) set(td, { title: usualText((td.range = range), format) || null });
      },
    });
    /** A method that fails through another one comes after that one, whatever its score. */
    const worst = ({ change, state }) => {
      if (!change) return state === "i" ? -2 : -1;
      const cause = change[3] && methods.find(other => other.name === change[3])?.change;
      return cause && !cause[3] ? Math.min(change[5], cause[5] - 1e-9) : change[5];
    };
    const table = (methodsTable = makeTable({
      name: "methods",
      label: "Methods",
      open: methodLink,
      viewed: true,
      group: ({ change }) => (change ? 0 : 1),
      level: method => methodState(method)[1],
      sort: "-changed",
      then: method => method.rate,
      divider(rest) {
        const idle = rest.filter(({ state }) => state === "i").length;
        return `${counted(rest.length - idle, "method")} as usual${idle ? `, ${count(idle)} idle` : ""}`;
      },
      filter: "Filter by name or error type",
      words: ({ name, errors }) => `${name} ${(errors || []).map(([type]) => type).join(" ")}`,
      shows: [
        ["all", "All"],
        ["changed", "Changed", ({ change }) => change],
        ...["f", "s", "k", "i"].map(letter => {
          const [word] = METHOD_STATES[letter];
          return [word, word[0].toUpperCase() + word.slice(1), ({ state }) => state === letter];
        }),
      ],
      note: "rates and quantiles of the last 30 s; curves of 15 min",
      none: ["No method has ", " in its name or error types.", "No method is in this state."],
      empty: "No method is known yet.",
      columns: [
        {
          key: "mark",
          stack: "mark",
          make: mark,
          bind(td, method) {
            const [word, kind] = methodState(method);
            setMark(td.firstChild, kind, word);
          },
        },
        METHOD_COLUMN,
        {
          key: "changed",
          title: "Changed",
          stack: "second",
          sort: worst,
          bind: (td, method) => drawChange(td, method, innerWidth < 760),
        },
        column("rate", "Calls /s", rate, 0, rateNumber),
        column("failed", "Failed", share),
        { key: "errors", from: 1080, make: makeErrorBar, bind: drawErrorBar },
        column("p50", "p50", duration, 1280),
        column("p95", "p95", duration),
        column("p99", "p99", duration, 1080),
        column("in_flight", "In flight", count),
        column("oldest", "Oldest", age),
        {
          key: "curve",
          title: "Calls and failures",
          from: 960,
          stack: "curve",
          make: () => (innerWidth < 760 ? smallCurve(innerWidth < 360 ? 44 : 84, 30) : smallCurve(150, 24)),
          bind: (td, { id }) => setSmallCurve(td.firstChild, methodCurves.get(id)?.curve),
        },
        { key: "figure", stack: "figure", from: Infinity, bind: drawMethodFigure },
      ],
    }));
    const legend = (kind, text) => el("span", el("span.swatch", { "data-kind": kind }), text);
    main.append(
      table.node,
      el(
        "p.legend.table-legend.methods-legend",
        legend("failed-1", "failed"),
        legend("expected", "expected errors, no illness"),
      ),
    );
    return {
      ...table,
      draw(answer) {
        if (!answer) return;
        // Ids are those of a process.
        if (boot !== (boot = answer.boot)) methodCurves = new Map();
        cols = answer.usual?.cols ?? [];
        usual = new Map(answer.usual?.rows.map(row => [row[0], row]));
        for (const [id, curve] of Object.entries(answer.curves ?? {})) {
          if (methodCurves.get(+id)?.curve !== curve) methodCurves.set(+id, { curve, at: performance.now() });
        }
        table.draw((methods = rowObjects(answer.cols, answer.rows)));
      },
      close() {
        methodsTable = null;
        table.close();
      },
    };
  },
};
