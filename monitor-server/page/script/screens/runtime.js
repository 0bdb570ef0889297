/*
 * The screen Runtime: the process, its tokio runtimes, and this monitor itself, a column each. A measure is
 * its name, its number, what it is compared with (its usual range, its limit), and its curve of 15 minutes
 * where the JSON has one. Measures without a title here are shown with the name and the unit that they
 * have in the JSON.
 */
import { el, fill, keep, put, set, svg } from "../element.js";
import { bytes, count, duration, rate, share, usualText } from "../numbers.js";
import { curvePaths, px } from "../plot.js";
import { page } from "../source.js";
import { cell, makeTable } from "../table.js";
import { clockTime, sinceText, zoneName } from "../time.js";

/** Names of measures, and what is to be known of their numbers, if there is something. */
const RUNTIME_NAMES = {
  cpu: ["CPU"],
  memory: ["Memory"],
  descriptors: ["Descriptors"],
  threads: ["Threads"],
  scrapes: ["Scrapes", "since the start"],
  render: ["Render of a page", "the mean since the start"],
  sent: ["Sent to scrapes", "since the start"],
  errors: ["Scrapes that failed", "since the start"],
  connections: ["Connections", "now"],
  refused: ["Requests refused", "since the start"],
  history: ["History in memory"],
  thinned: ["Methods without detail", "in the newest part of the history, as it is full"],
  tasks: ["Tasks alive"],
  queue: ["Global queue", "tasks that all workers take from"],
  delay: ["Longest wait of a task", "for its first poll"],
};

/** Width and height of a curve, and the seconds that it shows. */
const RUNTIME_CURVE = { width: 200, height: 44, seconds: 900 };

/**
 * What writes a number of a unit: `runtimeFormat("bytes")(212e6)` is "202 MiB". Cores and unknown units are
 * bare numbers.
 */
function runtimeFormat(unit) {
  if (unit === "cores")
    return value => (value < 9.95 && !Number.isInteger(value) ? value.toPrecision(2) : value.toFixed(0));
  return unit === "bytes" ? bytes : unit === "seconds" ? duration : count;
}

/** An empty curve: band of the usual range, area, line, begin of the incident, and the dot of now. */
function runtimeCurve() {
  const { width, height } = RUNTIME_CURVE;
  const paths = ["usual", "area", "line", "since"].map(name => svg("path", { class: `runtime-${name}` }));
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "runtime-curve" },
    paths,
    svg("circle.runtime-dot", { r: 2.5 }),
  );
}

/**
 * Draws the curve of a measure, on a scale from 0 to a little above its highest value, and of 15 min to now.
 */
function drawRuntimeCurve(node, { curve, usual }, { t0, step, now }) {
  set(node, { hidden: !curve });
  if (!curve) return;
  const { width, height, seconds } = RUNTIME_CURVE;
  const top = Math.max(...curve, usual?.[1] ?? 0) * 1.15 || 1;
  const x = t => Math.min((t - now + seconds) / seconds, 1) * (width - 4);
  const y = value => height - (height - 1) * (value / top);
  const points = {
    x: curve.map((_, at) => x(t0 + (at + 1) * step)),
    v: curve.map((value, at) => (x(t0 + (at + 1) * step) < 0 ? NaN : (value ?? NaN))),
  };
  const [line, area] = curvePaths(points, y, height);
  // A band is at least 3 px high, so that it is seen.
  const high = usual && y(usual[1]);
  const band = usual && `M0 ${px(Math.max(y(usual[0]), high + 3))}H${width - 4}V${px(high)}H0z`;
  const { level, since } = page.verdict ?? {};
  const begin = (level === "bad" || level === "warn") && x(since) > 0 && `M${px(x(since))} 0V${height}`;
  // Below an area a band is not seen.
  [band, usual ? "" : area, line, begin].forEach((d, at) => set(node.children[at], { d }));
  set(node, { "data-level": level });
  const last = curve.at(-1);
  set(node.lastChild, {
    cx: px(points.x.at(-1) ?? 0),
    cy: px(y(last ?? 0)),
    class: typeof last === "number" ? "runtime-dot" : "none",
  });
}

/** The nodes of a measure. */
const makeMeasure = () =>
  el(
    "div.runtime-measure",
    el("dt"),
    el("dd", el("span.runtime-value"), el("span"), el("span")),
    runtimeCurve(),
  );

/** Brings a measure up to date: `{ name, value, unit, limit, usual, level, since, delta, curve }`. */
function bindMeasure({ childNodes: [heading, texts, curve] }, measure, answer) {
  const [number, moved, small] = texts.childNodes;
  const { name, value, unit, limit, usual, level, delta, since } = measure;
  const [title, note] = Object.hasOwn(RUNTIME_NAMES, name) ? RUNTIME_NAMES[name] : [name];
  const format = runtimeFormat(unit);
  const isBare = unit && unit !== "bytes" && unit !== "seconds";
  put(heading, title);
  cell(number, value === null ? "–" : format(value) + (isBare ? `\u202f${unit}` : ""));
  set(number, { title: value });
  const words =
    delta && since && `${delta > 0 ? "▴ +" : "▾ −"}${format(Math.abs(delta))} since ${sinceText(since)}`;
  set(put(moved, words || usualText(usual, format)), { class: words ? level : null });
  put(small, limit ? `of ${format(limit)}${isBare ? ` ${unit}` : ""}` : note);
  drawRuntimeCurve(curve, measure, answer);
}

/** Brings a list of measures up to date. */
function drawMeasures(list, measures, answer) {
  keep(
    list,
    measures,
    measure => measure.name,
    makeMeasure,
    (row, measure) => bindMeasure(row, measure, answer),
  );
}

/** The share of its time that a worker is busy as a bar. */
const makeBusy = () =>
  svg(
    "svg.runtime-bar",
    { viewBox: "0 0 100 8", preserveAspectRatio: "none" },
    svg("path.runtime-idle", { d: "M0 0H100V8H0z" }),
    svg("path.runtime-busy"),
  );

const bindBusy = ({ firstChild: bar }, { busy }) =>
  set(bar.lastChild, { d: `M0 0H${px(100 * Math.min(1, busy ?? 0))}V8H0z` });

/**
 * The workers of a runtime. A worker that sleeps often has little to do; the JSON counts that since the
 * start.
 */
const makeWorkers = () =>
  makeTable({
    name: "runtime-workers",
    label: "Workers",
    key: worker => worker.name,
    empty: "",
    row: [26, 26],
    stackBelow: 0,
    columns: [
      { key: "name", title: "Worker", text: ({ name }) => name },
      { key: "bar", title: "Busy", make: makeBusy, bind: bindBusy },
      { key: "busy", right: true, text: ({ busy }) => share(busy) },
      // The head has the unit; rates below 0.05 have one of their own.
      {
        key: "parks",
        title: "Sleeps /s",
        right: true,
        text: ({ parks }) => rate(parks).replace("\u202f/s", ""),
      },
    ],
  });

/**
 * A block of a tokio runtime. `before` holds the last answer's parks, `rows` the workers as of that answer.
 */
function makeTokio() {
  const nodes = {
    name: el("code"),
    small: el("span"),
    measures: el("dl"),
    workers: makeWorkers(),
    before: null,
  };
  const block = el(
    "section",
    el("h2", "Tokio ", nodes.name, nodes.small),
    nodes.measures,
    nodes.workers.node,
  );
  return Object.assign(block, { nodes });
}

/** The workers of a runtime, with their sleeps a second since the answer before. */
export function runtimeWorkers({ busy, parks }, before, now) {
  const seconds = before ? now - before.now : 0;
  return parks.map((number, index) => ({
    name: `worker-${index}`,
    busy: busy[index] ?? null,
    parks: seconds > 0 && number >= before.parks[index] ? (number - before.parks[index]) / seconds : null,
  }));
}

/** Brings the block of a runtime up to date. */
function bindTokio({ nodes }, runtime, answer) {
  put(nodes.name, runtime.name);
  const parked = runtime.parked === null ? "" : `, ${count(runtime.parked)} parked`;
  put(nodes.small, `${count(runtime.workers ?? runtime.parks.length)} workers${parked}`);
  const measures = [
    ["tasks", ""],
    ["queue", ""],
    ["delay", "seconds"],
  ].map(([name, unit]) => ({ name, unit, value: runtime[name], limit: null }));
  drawMeasures(
    nodes.measures,
    measures.filter(({ value }) => value !== null),
    answer,
  );
  // One answer is drawn more than once: its sleeps a second are since the answer before, so they are counted
  // once.
  if (nodes.before?.now !== answer.now) {
    nodes.rows = runtimeWorkers(runtime, nodes.before, answer.now);
    nodes.before = { now: answer.now, parks: runtime.parks };
  }
  nodes.workers.draw(nodes.rows);
}

/** The screen Runtime. */
export const runtimeScreen = {
  path: () => "runtime",
  open(main) {
    const started = el("span");
    const [ofProcess, ofServer] = [el("dl"), el("dl")];
    const tokio = el("div");
    const none = el("p.runtime-none");
    main.append(
      el(
        "div.runtime",
        el("section.runtime-part", el("h2", "Process", started), ofProcess),
        el("div.runtime-part", tokio, none),
        el("section.runtime-part", el("h2", "This monitor", el("span", "itself")), ofServer),
      ),
    );
    return {
      draw(answer) {
        const { service } = page.verdict ?? {};
        const since = service && `${clockTime(service.started)} ${zoneName()}`;
        put(started, service && `pid ${service.pid}, started ${since}`);
        drawMeasures(ofProcess, answer.process, answer);
        // That the history lacks detail of methods is only said where it does.
        drawMeasures(
          ofServer,
          answer.server.filter(({ name, value }) => name !== "thinned" || value),
          answer,
        );
        const blocks = [...tokio.children];
        keep(
          tokio,
          answer.tokio,
          runtime => runtime.name,
          makeTokio,
          (block, runtime) => bindTokio(block, runtime, answer),
        );
        for (const block of blocks) if (!block.isConnected) block.nodes.workers.close();
        if (answer.tokio.length || none.firstChild) set(none, { hidden: answer.tokio.length > 0 });
        else
          fill(
            none,
            el("strong", "Tokio"),
            " No runtime is watched here. ",
            el("code", 'MonitorConfig::runtime("main", &handle)'),
            " shows its tasks, its queue and its workers.",
          );
      },
      // Each table listens to the window.
      close() {
        for (const { nodes } of tokio.children) nodes.workers.close();
      },
    };
  },
};
