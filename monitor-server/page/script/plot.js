/*
 * The stack of plots. Rows stand below each other without a gap and share one axis of time, one time mark and
 * the lines of the events; an incident is one tinted column through all of them. A row is a heading (HTML)
 * and a drawing (SVG). Below the drawings lies a layer with the columns of incidents, above them one with the
 * time of a former process, time without data, event lines and the time mark.
 *
 * A row is an object:
 *   name                its part of the class names
 *   head?               the node of the heading
 *   heights             [wide, small] in pixels, or a function of the data that returns it
 *   grows?              true if its height is scaled with that of the window
 *   nodes               the nodes of its own, children of the drawing
 *   draw(frame, data)   brings them up to date
 *   read?(t)            the values of the slot that begins at `t`: [{ name, text, mark, y, kind }]; `name`
 *                       and `text` for the table, `mark` for the time mark if not `text`; without `y` none
 *
 * `frame` is what all rows share: `from` and `to` (seconds since 1970), `left`, `right` and `width` (pixels),
 * `height` of this row, `small`, `x(t)`, `end` (of the data), and `slotX(t0, step, index)`, the place of a
 * slot. That is its end: what is known of a slot is known then, and the last one lies at the right end.
 */
import { axisTicks, decadeText, gridText, valueScale } from "./axis.js";
import { byId, el, onResize, put, root, set, svg } from "./element.js";
import { replaceAddress } from "./main.js";
import { clamp } from "./numbers.js";
import { now, page, RANGES } from "./source.js";
import { clockTime, dayTime, zoneName } from "./time.js";

/**
 * Pixels for the labels of the values at the left of a plot, and for the dot of the last slot at its right.
 */
const PLOT_LEFT = 44;
const PLOT_RIGHT = 4;
/**
 * Pixels between the lowest value and the end of its row: a line at zero lies above the hairline between two
 * rows.
 */
const PLOT_BELOW = 1.5;
/** Pixels of the headings beside the plots: usual durations end before the labels of the values. */
const HEAD_WIDTH = 172;
/** Pixels of the four plots of Now at scale 1, together, and the greatest scale. */
const GROWING = 482;
const MOST_GROWTH = 1.6;
/** Events that are nearer to each other, in pixels, are one mark. */
const EVENT_APART = 26;
/**
 * Pixels of a letter of 11.5 px in bold, in a wide font; others are narrower. To measure texts would be to
 * lay the page out.
 */
const LETTER = 7.3;
/** Rows of the table of the plots' values. */
const TABLE_ROWS = 15;

/** Coordinates have one decimal: more is not seen, and makes paths longer. */
export const px = number => Math.round(number * 10) / 10;

let currentStack = null;

/** Keeps one node for each item in a group. */
function pool(group, items, make, bind) {
  while (group.childNodes.length > items.length) group.lastChild.remove();
  items.forEach((item, i) => bind(group.childNodes[i] ?? group.appendChild(make()), item));
}

/**
 * Brings the texts in a group up to date: `[{ x, y, text, kind, end }]`, `kind` is the class, `end` the
 * anchor.
 */
export function drawTexts(group, items) {
  const bind = (node, { x, y, text, kind, end }) =>
    set(node, { x: px(x), y: px(y), text, class: kind, "text-anchor": end });
  pool(group, items, () => svg("text"), bind);
}

/* ---- Events and incidents ---- */

const INCIDENT_WORDS = { failure: "failing", slow: "slow", stuck: "stuck" };

/** The words at an event's mark. */
function eventWords({ kind, short, up }) {
  const text = short.replace(/\.$/, "");
  if (up === true || up === false) return `${text} ${up ? "UP" : "DOWN"}`;
  if (kind === "recovered") return `${text} as usual again`.trim();
  return INCIDENT_WORDS[kind] ? `${text} ${INCIDENT_WORDS[kind]}` : text;
}

/**
 * The columns of incidents: `[{ from, to, level, word }]`, `to` null for the one that goes on. That one is
 * the verdict's; those before are from an event of an incident to that of the recovery of its subject,
 * or to `before`, the end of the process in which it happened.
 */
function incidentsOf({ events, before = 0 }) {
  const { verdict } = page;
  const incidents = [];
  events.forEach(({ t, kind, level, name }, i) => {
    const word = INCIDENT_WORDS[kind];
    const end = word && events.slice(i).find(later => later.kind === "recovered" && later.name === name);
    const to = end?.t ?? (t < before ? before : null);
    if (word && to !== null) incidents.push({ from: t, to, level, word });
  });
  const goesOn = verdict?.level === "bad" || (verdict?.level === "warn" && verdict.state !== "draining");
  if (goesOn) incidents.push({ from: verdict.since, to: null, level: verdict.level, word: verdict.state });
  return incidents;
}

/**
 * Events and beginnings of incidents as marks `{ x, t, level, bold, words, title }`, those that are near to
 * each other as one. The mark stands at the begin of the incident, of several of the first.
 */
function eventMarks({ from, to, x, incidents }, { events }) {
  const isBegin = ({ kind, t }) => INCIDENT_WORDS[kind] && incidents.some(one => Math.abs(one.from - t) < 1);
  const all = [
    ...incidents.map(one => ({ t: one.from, level: one.level, text: one.word })),
    ...events.filter(event => !isBegin(event)).map(event => ({ t: event.t, text: eventWords(event) })),
  ];
  const marks = [];
  for (const { t, level, text } of all
    .filter(one => one.t >= from && one.t <= to)
    .sort((a, b) => a.t - b.t)) {
    if (!(x(t) - marks.at(-1)?.x < EVENT_APART)) marks.push({ x: x(t), t, bold: "", words: [], title: [] });
    const mark = marks.at(-1);
    const title = `${clockTime(t)} ${text}`;
    mark.title.push(title);
    if (level && !mark.level) Object.assign(mark, { x: x(t), level, bold: title });
    else mark.words.push(text);
  }
  return marks;
}

/**
 * Puts the texts of marks where they fit: right of the mark, else left of it; a shorter one, or none, where
 * no room is. Those of incidents come first, and their times cover marks of other events. Each mark gets
 * `texts`, bold and plain, `isLeft` and `isSeen`.
 */
function placeLabels({ marks, left, right, small }) {
  const taken = [];
  const boxes = marks.map(({ x }) => [x - 7, x + 7]);
  const isFree = ([from, to], others = taken) =>
    from > left - 40 && to < right + 4 && others.every(([begin, end]) => to <= begin || from >= end);
  for (const isIncident of [true, false]) {
    const group = marks.filter(mark => Boolean(mark.level) === isIncident);
    for (const mark of group) mark.isSeen = isIncident || isFree([mark.x - 7, Math.min(mark.x + 7, right)]);
    taken.push(...boxes.filter((_, i) => group.includes(marks[i])));
    for (const mark of group) {
      const { x, bold, words, isSeen } = mark;
      const plain = small ? "" : words.join(", ");
      mark.texts = ["", ""];
      for (const texts of isSeen
        ? [
            [bold, plain],
            [bold, ""],
          ]
        : []) {
        const width = LETTER * (texts[0].length + 0.86 * texts[1].length) + 6;
        const sides = [
          [x + 8, x + 9 + width],
          [x - 9 - width, x - 8],
        ];
        const isLeft = sides.findIndex(side => isFree(side) && (!texts[1] || isFree(side, boxes)));
        if (isLeft < 0) continue;
        taken.push(sides[isLeft]);
        Object.assign(mark, { texts, isLeft });
        break;
      }
    }
  }
}

/** The row of events, above the plots. */
export function eventRow() {
  const group = svg("g");
  const make = () => svg("g", svg("title"), svg("path"), svg("text", svg("tspan"), svg("tspan")));
  const bind = (node, { x, level, texts: [bold, plain], isLeft, isSeen, title }) => {
    const [said, shape, text] = node.childNodes;
    put(said, title.join("\n"));
    set(
      shape,
      level
        ? { class: `event-begin ${level}`, d: `M${px(x - 5)} 9h10l-5 9z` }
        : { class: "event-ring", d: isSeen ? `M${px(x - 3)} 14a3 3 0 1 1 6 0a3 3 0 1 1 -6 0` : "" },
    );
    set(text, { x: px(isLeft ? x - 9 : x + 9), y: 18, "text-anchor": isLeft && "end" });
    set(text.firstChild, { class: level, text: bold });
    put(text.lastChild, bold && plain ? `\u2002${plain}` : plain);
  };
  return {
    name: "events",
    heights: [26, 26],
    nodes: [group],
    draw(frame) {
      placeLabels(frame);
      const all = frame.marks.flatMap(mark => mark.title).join("; ");
      set(group.parentNode, {
        role: "img",
        "aria-hidden": null,
        "aria-label": all ? `Events: ${all}` : "No events",
      });
      pool(group, frame.marks, make, bind);
    },
  };
}

/** The row of the axis of time, below the plots. `head` stands beside it. */
export function axisRow(head) {
  const line = svg("path.axis-ticks");
  const texts = svg("g");
  return {
    name: "axis",
    head,
    heights: [24, 24],
    nodes: [line, texts],
    draw(frame) {
      // Before the first answer the time of the server is not known.
      if (!page.verdict) return;
      const ticks = axisTicks(frame.from, frame.to, frame.small).map(([t, text]) => ({
        x: frame.x(t),
        y: 18,
        text,
        end: "middle",
      }));
      set(line, { d: ticks.map(({ x, text }) => `M${px(x)} 0v${text ? 6 : 4}`).join("") });
      // No label comes near to the time of now, which stands at the right end.
      const text = `${dayTime(frame.to)} ${zoneName()}`;
      const free = frame.right - 6.5 * text.length - 24;
      drawTexts(texts, [
        ...ticks.filter(tick => tick.text && tick.x <= free && tick.x >= frame.left + 14),
        { x: frame.right, y: 18, text, end: "end", kind: "ink2" },
      ]);
    },
  };
}

/* ---- Curves ---- */

/**
 * A series as points `{ x, v }`: one a slot, or where more slots than pixels are there, one a pixel: the
 * greatest of them, or with `mean` their mean. Which slots share a point depends on their time alone, so a
 * curve keeps its shape as it moves.
 */
function curvePoints(values, t0, step, frame, mean) {
  const slots = Math.max(1, Math.ceil((frame.to - frame.from) / step / (frame.right - frame.left)));
  const number = Math.round(t0 / step);
  const [x, v] = [[], []];
  for (let i = Math.max(0, Math.ceil((frame.from - t0) / step - 1)), next; i < values.length; i = next) {
    next = Math.min(values.length, i + slots - ((number + i) % slots));
    let [sum, known, most] = [0, 0, NaN];
    for (let slot = i; slot < next; slot += 1) {
      const value = values[slot];
      if (value === null || Number.isNaN(value)) continue;
      known += 1;
      sum += value;
      if (!(value <= most)) most = value;
    }
    x.push(frame.slotX(t0, step, next - 1));
    v.push(mean ? sum / known : most);
  }
  return { x, v };
}

/**
 * The paths of a line and of the area below it, `[line, area]`. A gap (`NaN`) ends the line; one point alone
 * is a dot. With `zeros` false no ink is where nothing is: between two zeros there is no line.
 */
export function curvePaths({ x, v }, y, base, zeros = true) {
  const foot = px(base);
  const isInk = i => v[i] >= 0 && (zeros || v[i] > 0 || v[i - 1] > 0 || v[i + 1] > 0);
  let [line, area, run] = ["", "", 0];
  for (let i = 0; i < x.length; i += 1) {
    if (!isInk(i)) continue;
    const point = `${px(x[i])} ${px(y(v[i]))}`;
    line += (run ? "L" : "M") + point;
    area += (run ? "L" : `M${px(x[i])} ${foot}L`) + point;
    run += 1;
    if (isInk(i + 1) && (zeros || v[i] > 0 || run === 1 || v[i + 1] > 0)) continue;
    if (run === 1) line += "h0";
    area += `V${foot}z`;
    run = 0;
  }
  return [line, area];
}

/**
 * The axis of values of a row: `{ nodes, draw }`. `draw(frame, fit, ranges)` draws the grid with its labels
 * and the bands of usual ranges, and returns `y(value)`. `fit` is what a scale (axis.js) returned, `ranges` a
 * list of `[low, high]`.
 *   tick(value, step)  the label of a grid line of a linear scale; without it the scale is logarithmic
 *   pad                pixels above the plot, for a heading that stands over its top: [wide, small]
 */
export function valueAxis({ tick, pad = [0, 0] }) {
  const bands = svg("path.plot-band");
  const grid = svg("path.plot-grid");
  const ticks = svg("g");
  return {
    nodes: [bands, grid, ticks],
    draw({ left, right, height, small }, { low, high, step, grid: lines }, ranges = []) {
      // The topmost line of a linear scale is the top itself: its label needs room.
      const top = pad[small ? 1 : 0] + (tick ? 13 : 0);
      const tall = height - top - PLOT_BELOW;
      const part = tick
        ? value => value / high
        : value => (Math.log10(Math.max(value, 1e-12)) - low) / (high - low);
      const y = value => top + tall * (1 - clamp(part(value), 0, 1));
      const at = lines.map(value => ({
        x: left - 7,
        y: Math.round(y(value)) + 4,
        text: tick ? tick(value, step) : decadeText(value),
        end: "end",
      }));
      set(grid, { d: at.map(line => `M${left} ${line.y - 3.5}H${right}`).join("") });
      drawTexts(ticks, at);
      const band = ([first, last]) => {
        const upper = y(last);
        const size = Math.max(y(first) - upper, 3);
        return `M${left} ${px(Math.min(upper, top + tall - size))}H${right}v${px(size)}H${left}z`;
      };
      set(bands, {
        d: ranges
          .filter(ends => ends && ends[1] !== null)
          .map(band)
          .join(""),
      });
      return y;
    },
  };
}

/**
 * A row of curves.
 *   name, head, heights, grows   as of each row
 *   least                        the lowest top of its scale, which is logarithmic without one
 *   tick, pad                    as of its axis of values
 *   format(value)                a value as text, for the mark and the table
 *   curves                       [{ key, name, kind, line, area, label, mean, zeros, dot }]: `kind` is the
 *                                class of the line (`data`, `bad`, `p50`, `p95`, `p99`), which is left out if
 *                                `line` is false, `area` that of the area below it, `label` is at its right
 *                                end, `mean` says how slots become a point, `zeros` false leaves zeros out,
 *                                `dot` is at the last slot
 *   pick(data)                   { t0, step, series: { key: values }, usual: { key: [low, high] }, low?,
 *                                own?, names? }; `low` is a value that is to be seen too, `own` are the
 *                                numbers of curves on each other, `names` those of curves without one
 */
export function curveRow({
  least,
  tick = least && gridText,
  pad,
  format,
  curves,
  pick = data => data,
  ...row
}) {
  const axis = valueAxis({ tick, pad });
  const drawings = curves.map(({ kind, area, line = true }) => ({
    area: area && svg(`path.plot-area.${area}`, { "data-kind": kind }),
    line: line && svg(`path.plot-line.${kind}`),
  }));
  const dots = svg("path.plot-dots");
  const labels = svg("g.plot-labels");
  const scale = valueScale(least);
  let [picked, y] = [];

  /** The names of lines at their right ends; those whose lines are nearer than a line of text are joined. */
  function drawLabels(frame, points) {
    const x = Math.min(frame.x(frame.end), frame.right) - 7;
    const ends = curves.map(({ label }, i) => ({
      x,
      text: label,
      // A line that ended a while ago has no name at the right end.
      y: y(points[i].v.slice(-5).findLast(value => value >= 0)) - 6,
      end: "end",
    }));
    const join = texts => {
      const joined = [];
      for (const one of texts.sort((a, b) => a.y - b.y)) {
        const last = joined.at(-1);
        // p95, p99: in the order of their names, not of their places.
        if (last && one.y - last.y < 11) last.text = [...last.text.split(", "), one.text].sort().join(", ");
        else joined.push(one);
      }
      return joined;
    };
    const joined = join(ends.filter(({ text, y: top }) => text && top > -9));
    // At the top there is no room above a line; below it there may be another name.
    for (const one of joined) if (one.y < 10) one.y += 20;
    drawTexts(labels, join(joined));
  }

  return {
    ...row,
    nodes: [axis.nodes, drawings.map(({ area }) => area), drawings.map(({ line }) => line), dots, labels],
    draw(frame, data) {
      picked = pick(data);
      const { t0, step, series, usual, low = Infinity } = picked;
      const points = curves.map(({ key, mean }) => curvePoints(series[key] ?? [], t0, step, frame, mean));
      const ranges = curves.map(({ key }) => usual?.[key]);
      let [lowest, most] = [low, Math.max(0, ...ranges.map(range => range?.[1] ?? 0))];
      for (const value of points.flatMap(({ v }) => v)) {
        if (value > most) most = value;
        if (value > 0 && value < lowest) lowest = value;
      }
      y = axis.draw(frame, scale.fit(lowest, most, frame.to), ranges);
      let ends = "";
      curves.forEach(({ zeros, dot }, i) => {
        const { x, v } = points[i];
        const [line, area] = curvePaths(points[i], y, frame.height - PLOT_BELOW, zeros);
        if (drawings[i].line) set(drawings[i].line, { d: line });
        if (drawings[i].area) set(drawings[i].area, { d: area });
        if (dot !== false && v.at(-1) >= 0)
          ends += `M${px(x.at(-1) - 2.5)} ${px(y(v.at(-1)))}a2.5 2.5 0 1 1 5 0a2.5 2.5 0 1 1 -5 0`;
      });
      set(dots, { d: ends });
      drawLabels(frame, points);
    },
    read(t) {
      const { t0, step, series, own = series, names = {} } = picked;
      const i = Math.floor((t - t0) / step + 1e-6);
      return curves
        .map(({ key, name = names[key], label = names[key], kind }) => {
          const value = own[key]?.[i] ?? NaN;
          const text = value >= 0 ? format(value) : "–";
          // Of what lies on others and is nothing there is no edge.
          const isSeen = own === series ? value >= 0 : value > 1e-9;
          return {
            name,
            text,
            mark: label ? `${label.slice(0, 40)} ${text}` : text,
            y: isSeen ? y(series[key][i]) : null,
            kind,
          };
        })
        .filter(({ name }) => name);
    },
  };
}

/* ---- The stack ---- */

/** The begin of the slot at which the time mark is fixed, which stands in the address, or null. */
export const markedTime = () => Number(page.address.params.get("at")) || null;

/** Keeps texts of the time mark apart from each other, each near its place. */
function spreadTexts(items, height) {
  // Of two at one place the later one is above: p99 comes after p95.
  items.reverse().sort((a, b) => a.y - b.y);
  items.forEach((item, i) => {
    item.y = Math.max(item.y - 6, i ? items[i - 1].y + 13 : 10);
  });
  items.toReversed().forEach((item, i) => {
    item.y = Math.min(item.y, height - 3 - 13 * i);
  });
  return items;
}

/**
 * A stack of rows (see above) for a screen: `{ node, draw, key, read, fix, close }`.
 *   sided     headings stand at the left of the plots, unless the window is small
 *   onFix()   the time mark was fixed at a slot, or taken away
 * `draw(data)` needs `t0` and `step` of slots (before the first answer 0), `slots` (how many), `events`, and
 * `before`, the time before which another process is shown; `data` is passed on to the rows. `fix(t)` fixes
 * the mark, or with null takes it away, and `read(t)` has the values of a slot of all rows.
 */
export function plotStack(rows, { sided, onFix } = {}) {
  const drawings = rows.map(row => svg("svg.stack-plot", row.nodes));
  const lines = rows.map((row, i) =>
    el(`div.stack-row.row-${row.name}`, el("div.stack-head", row.head), drawings[i]),
  );
  const shapes = {};
  const layers = [
    ["bad", "warn"],
    ["veil", "event", "event.bad", "event.warn", "line"],
  ].map(kinds =>
    svg(
      "svg.stack-layer",
      kinds.map(kind => (shapes[kind] = svg(`path.stack-${kind}`))),
    ),
  );
  const [dots, texts, pillText] = [
    svg("g"),
    svg("g.stack-values"),
    svg("text.stack-pill-text", { "text-anchor": "middle" }),
  ];
  const pill = svg("rect.stack-pill", { height: 19, rx: 4 });
  layers[1].append(dots, texts, pill, pillText);
  const hatch = el("div.stack-hatch");
  // The pointer and the keys of the time mark.
  const surface = el("div.stack-surface", {
    role: "slider",
    tabindex: 0,
    "aria-label": "Time mark",
    on: {
      pointermove: event => data?.slots && hover(timeAt(event)),
      pointerleave: () => hover(null),
      click(event) {
        if (!data?.slots) return;
        const slot = slotOf(timeAt(event));
        fix(slot === markedTime() ? null : slot);
      },
    },
  });
  const node = el(
    "div",
    { class: sided ? "stack sided" : "stack" },
    layers[0],
    lines,
    hatch,
    layers[1],
    surface,
  );
  let [frame, data, size] = [];
  // The begin of the slot under the pointer or chosen by keys.
  let hovered = null;

  const heightsOf = row => (typeof row.heights === "function" ? row.heights(data) : row.heights);

  /** Measures the window, and gives the drawings their sizes. Only here is the layout asked for. */
  function measure() {
    const box = node.getBoundingClientRect();
    const small = innerWidth < 760;
    const wanted = rows.map(row => heightsOf(row)[small ? 1 : 0]);
    const rest = rows.reduce((sum, row, i) => sum + (row.grows ? 0 : wanted[i]), 0);
    const free = innerHeight - box.top - scrollY - rest - 8;
    const growth = small ? 1 : clamp(free / GROWING, 1, MOST_GROWTH);
    const width = Math.round(box.width) - (sided && !small ? HEAD_WIDTH : 0);
    const heights = wanted.map((height, i) => Math.round(rows[i].grows ? height * growth : height));
    drawings.forEach((drawing, i) => set(drawing, { width, height: heights[i] }));
    const tops = drawings.map(drawing => drawing.getBoundingClientRect().top - box.top);
    // The columns end above the axis of time, which is the last row.
    size = { width, small, heights, tops, bottom: tops.at(-1), rows: rows.flatMap(heightsOf).join() };
    for (const one of layers) set(one, { width, height: size.bottom });
  }

  function makeFrame() {
    const span = RANGES[page.range];
    const to = page.paused ?? now();
    const right = size.width - PLOT_RIGHT;
    const x = t => PLOT_LEFT + (1 - (to - t) / span) * (right - PLOT_LEFT);
    frame = {
      ...size,
      from: to - span,
      to,
      left: PLOT_LEFT,
      right,
      x,
      end: Math.min(data.t0 + data.step * data.slots, to),
      slotX: (t0, step, i) => x(Math.min(t0 + (i + 1) * step, to)),
      incidents: data.t0 ? incidentsOf(data) : [],
    };
    frame.marks = eventMarks(frame, data);
  }

  function drawLayers() {
    const { x, from: first, to: last, end, marks, incidents, bottom } = frame;
    const column = (from, to, top = 0) => {
      const [left, right] = [x(Math.max(from, first)), x(Math.min(to, last))].map(px);
      return right > left ? `M${left} ${top}H${right}V${bottom}H${left}z` : "";
    };
    const tint = kind =>
      incidents.map(({ level, from, to }) => (level === kind ? column(from, to ?? end) : "")).join("");
    const path = kind =>
      marks
        .map(mark => (mark.level === kind ? `M${px(mark.x)} ${mark.isSeen ? 17 : 26}V${bottom}` : ""))
        .join("");
    const paths = {
      bad: tint("bad"),
      warn: tint("warn"),
      event: path(),
      "event.bad": path("bad"),
      "event.warn": path("warn"),
      veil: data.before ? column(first, data.before, 26) : "",
    };
    for (const [kind, d] of Object.entries(paths)) set(shapes[kind], { d });
    hatch.style.setProperty("width", `${page.lost ? px(x(last) - x(end)) : 0}px`);
  }

  const lastSlot = () => data.t0 + data.step * (data.slots - 1);
  const slotOf = t =>
    clamp(data.t0 + data.step * Math.floor((t - data.t0) / data.step + 1e-6), data.t0, lastSlot());
  const read = t => rows.flatMap(row => row.read?.(t) ?? []);

  function drawMark() {
    const { left, right, from, to, slotX, heights, tops, bottom } = frame;
    const t = hovered ?? markedTime() ?? NaN;
    const slot = slotOf(t);
    const x = slotX(slot, data.step, 0);
    // No mark, or one that has left the range: then there is no place for it.
    const isShown = x >= left && data.slots > 0 && t > data.t0 - data.step && t < to;
    const by = x > left + 0.6 * (right - left) ? -8 : 8;
    const values = rows.map(row => (isShown && row.read?.(slot)) || []);
    const said = values.flat().map(one => `${one.name} ${one.text}`);
    const seen = values.map(list => list.filter(({ y }) => y >= 0 && y !== null));
    const lower = (list, i) => list.map(one => ({ ...one, y: one.y + tops[i] }));
    const words = list =>
      list.map(({ mark, text, y }) => ({ x: x + by, y, text: mark ?? text, end: by < 0 && "end" }));
    const text = isShown ? clockTime(slot) : "";
    const half = text && (text.length * LETTER) / 2 + 9;
    const middle = isShown ? px(clamp(x, left + half, right - half)) : 0;
    node.toggleAttribute("data-end", isShown && x > right - 120);
    set(shapes.line, { d: isShown ? `M${px(x)} 0V${bottom}` : "" });
    pool(
      dots,
      seen.flatMap(lower),
      () => svg("circle", { r: 3 }),
      (dot, { y, kind }) => set(dot, { cx: px(x), cy: px(y), class: `stack-dot ${kind}` }),
    );
    drawTexts(
      texts,
      seen.flatMap((list, i) => lower(spreadTexts(words(list), heights[i]), i)),
    );
    set(pill, { width: half * 2, x: middle - half, y: bottom + 2 });
    put(set(pillText, { x: middle, y: bottom + 15.5 }), text);
    set(surface, {
      "aria-valuemin": Math.round(from),
      "aria-valuemax": Math.round(to),
      "aria-valuenow": Math.round(isShown ? slot : to),
      "aria-valuetext": text ? `${text}: ${said.join(", ")}` : "not set; the arrow keys set it",
    });
  }

  function draw(next = data) {
    data = next;
    if (size?.rows !== rows.flatMap(heightsOf).join()) measure();
    makeFrame();
    rows.forEach((row, i) => row.draw({ ...frame, height: size.heights[i] }, data));
    drawLayers();
    drawMark();
  }

  /** Moves the mark to the slot of a time, or takes it away from there. */
  function hover(t) {
    const slot = t === null ? null : slotOf(t);
    if (slot === hovered || !data) return;
    hovered = slot;
    drawMark();
  }

  function fix(t) {
    hovered = null;
    replaceAddress({ at: t });
    drawMark();
    onFix?.();
  }

  const timeAt = event =>
    frame.from + (event.offsetX / (frame.right - frame.left)) * (frame.to - frame.from) - data.step / 2;

  /** Keys of the mark; true if the key was used. */
  function key(event) {
    const fixed = markedTime();
    const t = hovered ?? fixed;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!data?.slots) return false;
    if (by) {
      const next = Math.max(
        t === null ? lastSlot() : t + by * data.step * (event.shiftKey ? 10 : 1),
        frame.from,
      );
      if (fixed === null) hover(next);
      else fix(slotOf(next));
    } else if (event.key === "Escape" && t !== null) fix(null);
    else if ((event.key === "Enter" || event.key === " ") && event.target === surface)
      fix(t === fixed ? null : t);
    else return false;
    return true;
  }

  const resized = () => {
    if (!data) return;
    measure();
    draw();
  };
  // The verdict is above the stack: what it grows by, the stack has less.
  const unwatch = onResize(resized, node, byId("verdict"), root);

  currentStack = () => {
    const times = Array.from({ length: data?.slots ? TABLE_ROWS : 0 }, (_, row) =>
      slotOf(frame.from + ((frame.to - frame.from) * (row + 1)) / TABLE_ROWS - data.step),
    ).filter((t, i, all) => t > frame.from - data.step && t !== all[i - 1]);
    return (
      times.length && {
        head: ["Time", ...read(times[0]).map(({ name }) => name)],
        rows: times.map(t => [clockTime(t), ...read(t).map(({ text }) => text)]),
      }
    );
  };
  return {
    node,
    draw,
    key,
    read,
    fix,
    close() {
      unwatch();
      currentStack = null;
    },
  };
}

/**
 * The plots that are shown as a table of 15 rows, `{ head: […], rows: [[…], …] }`, or null on a screen
 * without plots.
 */
export const plotsAsTable = () => currentStack?.() || null;
