/*
 * Heat map and outcomes of one method: two rows for the stack of plots.
 *
 * The heat map has a column for each 10 s (15 min), and rows of half a power of two. Hue is the outcome,
 * darkness the count: `step = ceil(8 * sqrt(n / max))`, so that a single call among thousands is still seen,
 * with one maximum for all outcomes, so that equal darkness is an equal count. A cell that has several
 * outcomes is divided by their shares, and its parts have the darkness of all its calls: one failure among
 * many calls would else be a pale hole in a dark row. There is one path for each step of a hue, not a node
 * for each cell.
 *
 * Outcomes are stacked areas: failures that count at the bottom, as theirs is the height that matters, then
 * expected and cancelled calls, and the calls that succeeded on top. A type keeps its colour as long as the
 * screen is open, also if another one becomes more frequent: a reader has learned by then which one is red.
 */
import { el, keep, put, set, svg } from "./element.js";
import { clamp, rate } from "./numbers.js";
import { curveRow, valueAxis } from "./plot.js";
import { shortUsual } from "./screens/now.js";

/**
 * Steps of darkness of each outcome, and the least width of a column: narrower ones are joined. In pixels.
 */
const HEAT_STEPS = 8;
const HEAT_COLUMN = 6;

/** An entry of a legend: a swatch, whose `data-kind` gives its colour, and a text. */
const legendEntry = (kind, text) =>
  el("span", { title: text }, el("i.swatch", { "data-kind": kind }), el("span", text));

/**
 * The paths of a heat map: 8 of succeeded calls, from few to many, 8 of expected and 8 of failed ones. `x(t)`
 * and `y(seconds)` map to pixels; what is left of `left` or right of `right` is cut off. Narrow columns are
 * joined by their number since 1970, so that the same ones stay together as time goes on.
 */
function heatPaths({ ok, expected = [], failed, t0, step, lo }, { x, left, right }, y) {
  const joined = Math.max(1, Math.ceil(HEAT_COLUMN / (x(step) - x(0)) - 0.05));
  const shift = Math.floor(t0 / step) % joined;
  const cells = new Map();
  let max = 1;
  [ok, expected, failed].forEach((columns, outcome) =>
    columns.forEach((list, i) => {
      for (let j = 0; j < list.length; j += 2) {
        const [column, row] = [Math.floor((shift + i) / joined), list[j]];
        const key = column * 4096 + row;
        const cell = cells.get(key) ?? { column, row, counts: [0, 0, 0], all: 0 };
        cell.counts[outcome] += list[j + 1];
        cell.all += list[j + 1];
        cells.set(key, cell);
        max = Math.max(max, cell.all);
      }
    }),
  );
  const paths = Array(3 * HEAT_STEPS).fill("");
  const edge = row => Math.round(y(lo * 2 ** (row / 2)));
  const place = column => Math.round(clamp(x(t0 + (column * joined - shift) * step), left, right));
  for (const { column, row, counts, all } of cells.values()) {
    const start = place(column);
    let end = place(column + 1);
    const whole = end - start;
    // From the right: failed, expected, succeeded. A part is as wide as its share, but at least 3 px.
    for (const outcome of [2, 1, 0]) {
      const share = outcome ? Math.max(3, Math.round((whole * counts[outcome]) / all)) : whole;
      const part = Math.min(end - start, share);
      if (!counts[outcome] || part <= 0) continue;
      const shade = Math.ceil(HEAT_STEPS * Math.sqrt(all / max)) - 1;
      paths[outcome * HEAT_STEPS + shade] +=
        `M${end - part} ${edge(row)}V${edge(row + 1)}h${part}V${edge(row)}z`;
      end -= part;
    }
  }
  return paths;
}

/** The row of the heat map. Its scale is the server's: from `lo` to `hi`, in whole rows. */
export function heatRow() {
  const axis = valueAxis({ pad: [36, 82] });
  const cells = Array.from({ length: 3 * HEAT_STEPS }, (_, i) => {
    const kind = ["ok", "expected", "failed-1"][Math.floor(i / HEAT_STEPS)];
    const cell = svg("path.heat-cell", { "data-kind": kind });
    // The part of the hue in the colour: from 20 to 100 %.
    cell.style.setProperty("--part", `${Math.round(20 + (80 * (i % HEAT_STEPS)) / (HEAT_STEPS - 1))}%`);
    return cell;
  });
  const lines = svg("path.heat-usual");
  const [expected, usual] = [legendEntry("expected", "expected"), legendEntry("usual", "")];
  const legend = el(
    "span.legend",
    legendEntry("ok", "succeeded"),
    legendEntry("failed-1", "failed"),
    expected,
    usual,
    el("span.legend-note", "darker is more calls"),
  );
  return {
    name: "heat",
    head: [el("h2", "Duration"), legend],
    heights: [238, 198],
    nodes: [axis.nodes, cells, lines],
    draw(frame, { heat, usual: ranges }) {
      const [low, high] = [heat.lo, heat.hi].map(Math.log10);
      const grid = [];
      for (let power = Math.ceil(low + 0.2); power < high; power += 1) grid.push(Number(`1e${power}`));
      const y = axis.draw(frame, { low, high, grid });
      heatPaths(heat, frame, y).forEach((d, i) => set(cells[i], { d }));
      // A usual range is one line, at its middle: two pairs of lines would be a pattern.
      const known = ["p50", "p99"].filter(name => ranges?.[name]?.[1] > 0);
      const middle = ([least, most]) => Math.sqrt(Math.max(least, most / 1000) * most);
      const line = name => `M${frame.left} ${Math.round(y(middle(ranges[name]))) + 0.5}H${frame.right}`;
      set(lines, { d: known.map(line).join("") });
      set(usual, { hidden: !known.length });
      put(usual.lastChild, `usual ${known.map(name => `${name} ${shortUsual(ranges[name])}`).join(", ")}`);
      set(expected, { hidden: !heat.expected?.some(list => list.length) });
    },
  };
}

/** What fails: three types with a colour of their own, all others that count, and those that are expected. */
export const FAILURES = ["failed-1", "failed-2", "failed-3", "failed-more", "expected"];

/** The layers of the outcomes, the lowest first. */
const OUTCOMES = [...FAILURES, "succeeded"];

/**
 * The types of each layer: `{ "failed-1": ["timed out"], …, succeeded: ["succeeded"] }`. `colours` are the
 * types that have one, three or null; one gives it to another type only if it did not occur in the range.
 */
export function outcomeLayers(types, colours) {
  const [failed, expected] = [1, 0].map(counts =>
    types.filter(type => type[1] === counts).map(([type]) => type),
  );
  for (const type of failed) {
    const free = colours.findIndex(held => !failed.includes(held));
    if (!colours.includes(type) && free >= 0) colours[free] = type;
  }
  const layers = [
    ...colours.map(held => failed.filter(type => type === held)),
    failed.filter(type => !colours.includes(type)),
    expected.sort(),
    ["succeeded"],
  ];
  return Object.fromEntries(layers.map((layer, i) => [OUTCOMES[i], layer]));
}

/**
 * The outcomes as curves on each other, for `pick` of `curveRow`. `joined` slots are one, by their number
 * since 1970; one without data is NaN.
 */
function outcomeSeries({ t0, step, series }, layers, joined) {
  const shift = Math.floor(t0 / step) % joined;
  const { length } = series.succeeded;
  const mean = (keys, place) => {
    let [sum, slots] = [0, 0];
    for (let i = place * joined - shift, end = i + joined; i < end; i += 1) {
      if (!(series.succeeded[i] >= 0)) continue;
      slots += 1;
      for (const key of keys) sum += series[key]?.[i] || 0;
    }
    return sum / slots;
  };
  const [own, tops] = [{}, {}];
  let below = Array(Math.ceil((length + shift) / joined)).fill(0);
  for (const kind of OUTCOMES) {
    // A type of error that is called as the successes are has another name in the series.
    const keys = layers[kind].map(type =>
      kind !== "succeeded" && type === "succeeded" ? "succeeded?" : type,
    );
    if (!keys.length) continue;
    own[kind] = below.map((_, place) => mean(keys, place));
    tops[kind] = below = below.map((value, place) => value + own[kind][place]);
  }
  return { t0: t0 - shift * step, step: step * joined, series: tops, own };
}

/** The row of calls a second by outcome. */
export function outcomeRow() {
  const legend = el("span.legend");
  const colours = [null, null, null];
  // From the highest layer to the lowest: each area goes to the floor, and hides what is below its edge.
  const kinds = OUTCOMES.toReversed();
  return curveRow({
    name: "outcomes",
    head: [el("h2", "Calls /s, by outcome"), legend],
    heights: [134, 140],
    pad: [26, 46],
    least: 0.1,
    format: rate,
    curves: kinds.map((key, i) =>
      i
        ? { key, kind: key, area: "outcome", line: false, dot: false }
        : { key, kind: "data", area: "data", dot: false },
    ),
    pick({ outcomes, heat }) {
      const layers = outcomeLayers(outcomes.types, colours);
      const names = { ...layers };
      for (const kind of kinds) names[kind] = names[kind].join(", ");
      if (names["failed-more"]) names["failed-more"] = "other";
      keep(
        legend,
        kinds.filter(kind => names[kind]),
        kind => kind + names[kind],
        kind => legendEntry(kind, names[kind]),
      );
      // As wide as a column of the heat map: slots of 2 s with a few calls each would be a comb.
      const joined = Math.max(1, Math.round(heat.step / outcomes.step));
      return { ...outcomeSeries(outcomes, layers, joined), names };
    },
  });
}
