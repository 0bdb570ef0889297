/*
 * A lane of health: one status over time, on the axis of its screen. UP is a thin line, DOWN a bar with its
 * word, and a status that is not known is dotted. So shape and word say what the colours say.
 *
 * Spans are those of the JSON, `[[t, "UP" | "DOWN" | …], …]`: each lasts until the next one begins, the last
 * one until now. Before the first nothing is known, and nothing is drawn.
 */
import { set, svg } from "./element.js";
import { drawTexts, px } from "./plot.js";

/** A bar narrower than this has no text in it: "DOWN" alone is 40 px wide. */
const LANE_TEXT_WIDTH = 70;

/** Once DOWN and UP again is no flapping. */
export const isFlapping = changes => changes > 2;

/**
 * The spans as pieces `{ status, from, to, changes }` of pixels, each at least a pixel wide. Of statuses that
 * share a pixel the worst is drawn: bars of DOWN with less than a pixel between them are one bar, and
 * `changes` counts them.
 *
 * Example: `lanePieces([[0, "UP"], [60, "DOWN"]], t => t, 0, 100)` is an UP of 0 to 60 and a DOWN of 60 to
 * 100.
 */
export function lanePieces(spans, x, from, to) {
  const pieces = [];
  for (let index = 0; index < spans.length; index += 1) {
    const [begin, status] = spans[index];
    const end = spans[index + 1]?.[0] ?? to;
    if (!(end >= from && begin <= to)) continue;
    const left = x(Math.max(begin, from));
    const piece = {
      status,
      begin,
      left,
      right: Math.max(x(Math.min(end, to)), left + 1),
      end: Math.min(end, to),
      changes: 1,
    };
    const bar = pieces.findLast(earlier => earlier.status === "DOWN");
    if (status === "DOWN" && bar && left - bar.right < 1) {
      // What stood between the two bars is covered by them.
      pieces.length = pieces.indexOf(bar) + 1;
      Object.assign(bar, {
        right: Math.max(bar.right, piece.right),
        end: piece.end,
        changes: bar.changes + 1,
      });
    } else pieces.push(piece);
  }
  return pieces;
}

/**
 * A lane as the nodes of a `<g>`: `{ node, draw }`, with `draw(spans, { x, from, to, y, text })`. `x` gives
 * the place of a time in pixels, `from` and `to` are the ends of the axis in seconds since 1970, `y` is the
 * middle of the lane, and `text(piece)` what stands in a wide bar.
 */
export function lane() {
  const up = svg("path.lane-up");
  const unknown = svg("path.lane-unknown");
  const down = svg("path.lane-down");
  const texts = svg("g.lane-texts");
  return {
    node: svg("g.lane", { "aria-hidden": "true" }, up, unknown, down, texts),
    draw(spans, { x, from, to, y, text }) {
      const pieces = lanePieces(spans, x, from, to);
      const line = piece => `M${px(piece.left)} ${y}H${px(piece.right)}`;
      const bar = piece => `M${px(piece.left)} ${y - 5.5}H${px(piece.right)}v11H${px(piece.left)}z`;
      const path = (kept, shape) => pieces.filter(kept).map(shape).join("");
      set(up, { d: path(piece => piece.status === "UP", line) });
      set(down, { d: path(piece => piece.status === "DOWN", bar) });
      set(unknown, { d: path(piece => piece.status !== "UP" && piece.status !== "DOWN", line) });
      const wide = pieces.filter(
        piece => piece.status === "DOWN" && piece.right - piece.left >= LANE_TEXT_WIDTH,
      );
      const inBar = piece => {
        const words = text(piece);
        // Too long a text is cut at its last word that fits: 6.2 px a letter of 10.5 px in bold.
        const fits = words.length * 6.2 <= piece.right - piece.left - 10;
        return { x: piece.left + 6, y: y + 3.7, text: fits ? words : "DOWN" };
      };
      drawTexts(texts, wide.map(inBar));
    },
  };
}
