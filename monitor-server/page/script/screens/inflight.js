/*
 * The screen In flight: calls that run now, as a tree of which call made which.
 *
 * Calls of one shape are one line, with their number and the range of their ages. All ages stand on one
 * logarithmic scale, beside what is usual for the method, so a call that is late stands out before its number
 * is read. A call is running on a thread, waits for a permit, or is in flight: the JSON knows no other
 * states.
 *
 * `id` of a line is its place, which changes from answer to answer. Here a line is known by the names from
 * its root down, and its place among lines of the same names, so that focus and closed branches stay with it.
 */
import { el, mark, put, set, svg } from "../element.js";
import { age, count, counted, duration, magnitude, span } from "../numbers.js";
import { cell, makeTable, methodLink, rowLink, setRowLink } from "../table.js";

/** The grid of ages, in seconds. */
const AGE_GRID = [
  [1e-3, "1 ms"],
  [1, "1 s"],
  [60, "1 min"],
];

/**
 * Where an age stands on the scale from 10 µs to 10 min, in percent of its width; 2 % at each end are room
 * for the dot.
 */
export const agePlace = seconds =>
  Math.round(20 + 960 * Math.min(1, Math.log(Math.max(1e-5, seconds) / 1e-5) / Math.log(6e7))) / 10;

/** A drawing as wide as its cell. */
const ageDrawing = (name, ...children) => svg("svg", { class: name, width: "100%", height: 18 }, ...children);

/** An age bar: grid, usual range, a line from the youngest to the oldest call, a dot. */
const makeAgeBar = () =>
  ageDrawing(
    "age-bar",
    AGE_GRID.map(([seconds]) =>
      svg("line.age-grid", { x1: `${agePlace(seconds)}%`, x2: `${agePlace(seconds)}%`, y2: 18 }),
    ),
    svg("rect", { y: 5, height: 8 }),
    svg("line.age-range", { y1: 9, y2: 9 }),
    svg("circle", { cy: 9, r: 3.6 }),
  );

function drawAgeBar(td, line) {
  const [usual, range, dot] = [...td.firstChild.children].slice(-3);
  const [low, high] = (line.usual ?? [0, 0]).map(agePlace);
  set(usual, { x: `${low}%`, width: line.usual ? `${Math.max(0.5, high - low).toFixed(1)}%` : 0 });
  set(range, { x1: `${agePlace(line.min)}%`, x2: `${agePlace(line.age)}%` });
  set(dot, { cx: `${agePlace(line.age)}%` });
  set(td.firstChild, { "data-level": line.level });
}

/** Gives each line a `key` that holds from answer to answer. */
function nameLines(lines, above = "") {
  const seen = new Map();
  for (const line of lines) {
    const at = (seen.get(line.name) ?? 0) + 1;
    seen.set(line.name, at);
    nameLines(line.kids, (line.key = `${above}\n${line.name}\n${at}`));
  }
}

/** The words of the states of a call. */
export const CALL_STATES = { running: "running", permit: "for a permit", in_flight: "in flight" };

export const inflightScreen = {
  path: () => "inflight",

  open(main) {
    let answer = { states: {} };
    const [note, left] = [el("span"), el("span")];
    const table = makeTable({
      name: "inflight",
      label: "Calls in flight",
      row: [30, 52],
      key: line => line.key,
      kids: line => line.kids,
      open: methodLink,
      level: line => line.stuck && "bad",
      sort: "-age",
      filter: "Filter by method",
      words: line => line.name,
      shows: [
        ["all", "All", null, () => answer.total],
        ["stuck", "Stuck", line => line.stuck, () => answer.stuck],
        ...Object.entries({ in_flight: "In flight", running: "Running", permit: "For a permit" }).map(
          ([state, title]) => [state, title, line => line.state === state, () => answer.states[state]],
        ),
      ],
      note,
      none: ["No call in flight is of a method with ", " in its name.", "No call is in this state now."],
      empty: "No call is in flight.",
      columns: [
        {
          key: "mark",
          stack: "mark",
          make: () => mark("bad", "stuck"),
          bind: (td, { stuck }, before, { depth }) => set(td.firstChild, { hidden: !stuck || depth > 0 }),
        },
        {
          key: "task",
          title: "Task",
          stack: "name",
          up: true,
          sort: line => line.name.toLowerCase(),
          make: () => [el("span.branch", { "aria-hidden": "true" }), rowLink(), el("span.times")],
          bind(td, { name, count: n }, before, { depth, last }) {
            const [branch, task, times] = td.children;
            put(branch, depth ? (last ? "└" : "├") : "").style.setProperty("width", `${depth * 22}px`);
            setRowLink(task, name);
            put(times, n > 1 ? ` × ${count(n)}` : "");
          },
        },
        {
          key: "age",
          title: "Age",
          right: true,
          stack: "figure",
          sort: line => line.age,
          make: () => [el("span.age-from"), el("span")],
          bind(td, line) {
            put(td.firstChild, line.count > 1 && line.min < line.age ? `${age(line.min)} – ` : "");
            cell(td.lastChild, age(line.age), line.stuck ? "bad" : "");
            set(td.lastChild, { "data-size": magnitude(line.age) });
          },
        },
        {
          key: "bar",
          stack: "curve",
          make: makeAgeBar,
          bind: drawAgeBar,
          head: () => [
            el("span.hidden", "age and usual range, drawn"),
            ageDrawing(
              "age-head",
              AGE_GRID.map(([seconds, text]) =>
                svg("text", { x: `${agePlace(seconds)}%`, y: 14, "text-anchor": "middle" }, text),
              ),
            ),
          ],
        },
        {
          key: "usual",
          title: "Usual p50 – p99",
          right: true,
          bind: (td, { usual }) => put(td, usual ? span(...usual, duration) : "–"),
        },
        {
          key: "state",
          title: "State",
          stack: "second",
          make: () => [el("strong"), el("span")],
          bind(td, { state, thread }) {
            const word = CALL_STATES[state] ?? state;
            put(td.firstChild, state === "running" ? word : "");
            put(td.lastChild, `${state === "running" ? "" : word}${thread ? ` on ${thread}` : ""}`);
          },
        },
        {
          key: "note",
          head: () => el("span.hidden", "note"),
          from: 1280,
          bind: (td, line) => put(td, line.note),
        },
      ],
    });
    main.append(
      table.node,
      el(
        "div.table-legend.inflight-legend",
        el("span", el("span.swatch-usual"), "usual p50 to p99"),
        el("span", el("span.swatch-usual.dot"), "age now"),
        el("span", "Calls of the same shape are one line, with their number and range of ages."),
        el("span", el("strong", "Stuck"), " is far older than usual; where none is known, than 10 min."),
        left,
      ),
    );
    return {
      ...table,
      draw(fresh) {
        if (!fresh) return;
        answer = fresh;
        nameLines(answer.tree);
        const { total, inner } = answer;
        const calls = `${counted(total - inner, "request")}, ${count(total)} calls with those inside`;
        put(note, `${inner ? calls : counted(total, "call")}; oldest first`);
        put(left, answer.left ? `${count(answer.left)} more are not here.` : "");
        table.draw(answer.tree);
      },
    };
  },
};
