/*
 * Small drawings: the word-sized curve of tables and lists, and the last 100 calls of a method.
 *
 * A word-sized curve says how calls and failures went in 15 minutes, at the height of a line of text: no
 * axis, no number, and nothing for a screen reader, as the row beside it has the numbers. Calls and failures
 * have one scale, that of the row, so that the red part of the blue is the share that failed. Where there was
 * no call there is no ink, and a failure is never lower than a pixel and a half, however many calls there
 * are.
 *
 * The last calls are exact, other than all else on the page, which comes from buckets.
 */
import { valueScale } from "./axis.js";
import { el, onResize, put, set, svg } from "./element.js";
import { age, clamp } from "./numbers.js";
import { curvePaths, px, valueAxis } from "./plot.js";
import { now } from "./source.js";

const CURVE_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The numbers 0 to 63 that digits of base64url stand for: `curveDigits("A_")` is `[0, 63]`. */
export const curveDigits = text =>
  [...String(text ?? "").slice(0, 60)].map(digit => Math.max(0, CURVE_DIGITS.indexOf(digit)));

/** An empty word-sized curve: 150 x 24 in Methods, 88 x 30 in lists, 84 x 30 on narrow screens. */
export function smallCurve(width, height) {
  const paths = ["area", "line", "failed"].map(kind => svg(`path.small-${kind}`));
  return Object.assign(svg("svg", { width, height }, paths), { size: [width, height] });
}

/** Draws `[max, all, failed]` of the field `curves` into a word-sized curve; null or undefined empties it. */
export function setSmallCurve(node, curve) {
  if (node.drawn === (node.drawn = String(curve))) return;
  const [width, height] = node.size;
  const [v, failed] = [1, 2].map(i => curveDigits(curve?.[i]));
  const step = width / Math.max(1, v.length - 1);
  const x = i => px(clamp(i * step, 0, width));
  const y = value => height - ((height - 1) * value) / 63;
  const [line, area] = curvePaths({ x: v.map((_, i) => i * step), v }, y, height, false);
  const bar = (value, i) =>
    value ? `M${x(i - 0.5)} ${height}V${px(Math.min(y(value), height - 1.5))}H${x(i + 0.5)}V${height}z` : "";
  [area, line, failed.map(bar).join("")].forEach((d, i) => set(node.children[i], { d }));
}

/** Height of the last calls, and the room for the labels of the values at the left, in pixels. */
const CALLS_HEIGHT = 150;
const CALLS_LEFT = 52;

/**
 * The last calls of a method, each a mark: x is the order, not the time, and y the logarithm of the duration.
 * A call that succeeded is a ring, one that failed a cross; the band is from the usual p50 to the usual p99.
 *
 * `draw(calls, usual, expected)`: `calls` as in the JSON, `[[ago, duration, type|null], ...]` with the newest
 * first; `usual` the usual ranges of the method, or nothing; `expected` the set of the types that do not
 * count. `close()` ends it.
 */
export function lastCalls() {
  const paths = ["succeeded", "expected", "failed"].map(kind => svg(`path.calls-${kind}`));
  const axis = valueAxis({});
  const drawing = svg("svg", { height: CALLS_HEIGHT }, axis.nodes, paths);
  const first = el("span");
  const scale = valueScale();
  let shown = null;

  function drawMarks() {
    const right = drawing.clientWidth;
    if (!right || !shown) return;
    const [calls, usual, expected] = shown;
    const band = usual?.p50 && usual.p99 ? [usual.p50[0], usual.p99[1]] : [];
    const known = [...calls.map(call => call[1]), ...band].filter(seconds => seconds > 0);
    const fit = scale.fit(Math.min(...known), Math.max(0, ...known), now());
    const y = axis.draw({ left: CALLS_LEFT, right, height: CALLS_HEIGHT }, fit, [band[0] && band]);
    const marks = ["", "", ""];
    calls.slice(0, 100).forEach(([, seconds, type], i) => {
      const x = px(right - 4 - (i * (right - CALLS_LEFT - 8)) / 99);
      const at = `M${x} ${Math.round(Math.min(y(seconds), CALLS_HEIGHT - 4))}`;
      if (type === null) marks[0] += `${at}m-2.1 0a2.1 2.1 0 1 0 4.2 0a2.1 2.1 0 1 0-4.2 0`;
      else marks[expected.has(type) ? 1 : 2] += `${at}m-2-2l4 4m0-4l-4 4`;
    });
    marks.forEach((d, i) => set(paths[i], { d }));
    put(first, `${age(calls.at(-1)?.[0])} ago`);
  }

  return {
    node: el("div.calls", drawing, el("p.calls-foot", first, el("span", "last"))),
    draw(...given) {
      shown = given;
      drawMarks();
    },
    close: onResize(drawMarks, drawing),
  };
}
