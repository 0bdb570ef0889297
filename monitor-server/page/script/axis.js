/*
 * Axes. The axis of time ends now, also while no data come: its ticks stand at round times of the zone that
 * is shown. An axis of values has two or three lines at round numbers, and its top stays as long as it can,
 * so that a curve does not change its shape because another number left the range.
 */
import { grouped } from "./numbers.js";
import { dayTime, zoneOffset } from "./time.js";

/**
 * Ticks of time: for spans of at most so many seconds, the seconds from tick to tick, and each how many has a
 * label.
 */
const TIME_TICKS = [
  [1200, 60, 3, 5],
  [14400, 900, 2, 4],
  [Infinity, 7200, 3, 6],
];

/**
 * The ticks between two times, seconds since 1970, as `[[t, "03:06" | ""], …]`: those without a text have no
 * label. On a `small` screen fewer have one.
 */
export function axisTicks(from, to, small = false) {
  const [, step, wide, narrow] = TIME_TICKS.find(([span]) => to - from <= span);
  const offset = zoneOffset(to);
  const each = small ? narrow : wide;
  const ticks = [];
  for (let number = Math.ceil((from + offset) / step); number * step - offset <= to; number += 1) {
    const t = number * step - offset;
    ticks.push([t, number % each ? "" : dayTime(t).slice(0, 5)]);
  }
  return ticks;
}

/** Seconds that a scale stays after it has become too large. */
const SCALE_STAYS = 60;
/** The tops of linear scales, as parts of a power of ten, and the step of their grid lines. */
const TOPS = [
  [1, 0.5],
  [1.5, 0.5],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2.5],
  [6, 2],
  [8, 4],
  [10, 5],
];

/** The smallest top that is not below a number, as `[top, step]`: `linearTop(145)` is `[150, 50]`. */
export function linearTop(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  // The factor is for what is no power of ten but for the rounding of a double.
  return TOPS.find(([part]) => part * power * 1.000001 >= most).map(part => part * power);
}

/**
 * A scale of values. `fit(low, high, t)` takes the numbers that are to be seen and the time, and returns `{
 * low, high, step, grid }`, with `grid` the numbers at which lines are drawn. It grows at once, and becomes
 * smaller when it has been too large for 60 s: a linear one when it was not half full.
 *
 * A linear scale begins at 0, and `least` is its lowest top. Without `least` it is logarithmic: of whole
 * decades, from the power of ten below the lowest number to the one above the highest, at least three, and
 * from 1 ms to 10 s as long as no numbers are there; `low` and `high` of what `fit` returns are powers of ten
 * then.
 */
export function valueScale(least) {
  let ends = null;
  let tooLarge = null;

  /** The ends that are right for these numbers alone. */
  function endsFor(low, high) {
    if (least) return [0, linearTop(high)[0]];
    const first = Math.floor(Math.log10(low) + 1e-9);
    return [first, Math.max(Math.ceil(Math.log10(high) - 1e-9), first + 3)];
  }

  /** The ends grow at once; when they have been too large for a while they are those of now. */
  function moveEnds(wanted, high, t) {
    ends = ends ? [Math.min(ends[0], wanted[0]), Math.max(ends[1], wanted[1])] : wanted;
    const isLess = least ? high < ends[1] / 2 : ends[0] < wanted[0] || ends[1] > wanted[1];
    tooLarge = isLess ? (tooLarge ?? t) : null;
    if (isLess && t - tooLarge >= SCALE_STAYS) [ends, tooLarge] = [wanted, null];
  }

  return {
    fit(lowest, highest, t) {
      const most = Math.max(highest, least ?? 0);
      if (most > 0) moveEnds(endsFor(lowest, most), most, t);
      else tooLarge = null;
      const [low, high] = ends ?? [-3, 1];
      const step = least ? linearTop(high)[1] : 1;
      const length = Math.round((high - low) / step) - (least ? 0 : 1);
      const line = (_, i) => (least ? (i + 1) * step : Number(`1e${low + i + 1}`));
      return { low, high, step, grid: Array.from({ length }, line) };
    },
  };
}

/** The label of a power of ten of seconds: `100 µs`, `10 ms`, `1 s`. */
export function decadeText(seconds) {
  const [number, unit] =
    seconds < 1e-3 ? [seconds * 1e6, "µs"] : seconds < 1 ? [seconds * 1e3, "ms"] : [seconds, "s"];
  return `${Number(number.toPrecision(1))}\u202f${unit}`;
}

/** The label of a grid line of numbers, with as many decimals as its step needs: `0.5`, `20`, `2.5`. */
export function gridText(number, step) {
  let decimals = 0;
  while (decimals < 6 && Math.abs(Number(step.toFixed(decimals)) - step) > step / 100) decimals += 1;
  // A step with decimals is below 1,000, so a comma never stands behind the point.
  return decimals ? number.toFixed(decimals) : grouped(number);
}
