/*
 * Numbers as an operator reads them. Each kind of number has one form, the same as in the sentences of the
 * verdict and in `/top`: the twin of this file is `monitor-core/src/verdict/numbers.rs`, and a test of a
 * browser holds one against the other. Here a narrow no-break space stands before a unit, and what is missing
 * or no number is an en dash.
 *
 * A number has no more digits than its source: quantiles are read from cells that are 9 % wide, so they have
 * two; the duration of one call is exact, and has three.
 */

/** A number within two bounds; `low` holds where they contradict each other. */
export const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

const MISSING = "–";
const withUnit = (number, unit) => `${number}\u202f${unit}`;
const isBetween = (x, low, high) => typeof x === "number" && x >= low && x < high;
/** A format of numbers from 0 to below `end`: what is none of them is missing. */
const ofNumbers =
  (format, end = 1e15) =>
  number =>
    isBetween(number, 0, end) ? format(number) : MISSING;
const exponentOf = text => text.split("e")[1];

/**
 * As `toFixed`, but a tie goes to the even digit, as in Rust and in IEEE 754: `toDecimals(2.5, 0)` is `2`. A
 * double is a tie at a place only if that many halvings make it an odd integer, which is exact to see.
 */
function toDecimals(x, decimals) {
  const text = x.toFixed(decimals);
  const isTie = (x * 2 ** (decimals + 1)) % 2 === 1;
  return isTie && text.at(-1) % 2 ? (x - 0.5 / 10 ** decimals).toFixed(decimals) : text;
}

/** A positive number, rounded to so many significant digits. */
function toDigits(x, digits) {
  if (!(x > 0)) return 0;
  const place = digits - 1 - exponentOf(x.toExponential(digits - 1));
  // So small a number has no digit that is shown.
  if (place > 99) return x;
  return place >= 0 ? Number(toDecimals(x, place)) : toDecimals(x / 10 ** -place, 0) * 10 ** -place;
}

/** The whole number, with a comma between groups of three digits. */
export const grouped = x => toDecimals(x, 0).replace(/\B(?=(\d{3})+$)/g, ",");

/** A number that has at most so many significant digits, with all of them: `2.0`, `1,900`, `0.038`. */
function inDigits(x, digits) {
  if (!(x > 0)) return "0";
  return x < 1000 ? x.toFixed(clamp(digits - 1 - exponentOf(x.toExponential()), 0, 12)) : grouped(x);
}

/**
 * A number with three digits, in the first of units `[name, scale]` in which it is below 1,000 when it is
 * rounded, or in the last of them.
 */
function inUnits(x, units) {
  for (const [name, scale] of units) {
    const number = toDigits(x / scale, 3);
    if (number < 1000 || name === units.at(-1)[0]) return withUnit(inDigits(number, 3), name);
  }
}

function shortDuration(seconds, digits) {
  if (!isBetween(seconds, 0, 1e15)) return MISSING;
  if (!seconds) return withUnit(0, "s");
  // What rounds to a minute is one.
  if (toDigits(seconds, digits) >= 60) return age(Math.max(seconds, 60));
  for (const [scale, unit] of [
    [1e6, "µs"],
    [1e3, "ms"],
  ]) {
    const number = toDigits(seconds * scale, digits);
    if (number < 1000) return withUnit(inDigits(number, digits), unit);
  }
  return withUnit(inDigits(toDigits(seconds, digits), digits), "s");
}

/**
 * A duration in seconds that was read from buckets, with two digits: `38 µs`, `1.8 ms`, `12 s`; from a minute
 * on as an age.
 */
export const duration = seconds => shortDuration(seconds, 2);

/**
 * The duration of one call in seconds, with three digits below a second: `1.84 ms`, `184 ms`; above as
 * `duration`.
 */
export const callDuration = seconds => shortDuration(seconds, seconds < 1 ? 3 : 2);

/**
 * An age or another length of time in seconds: below a minute as `callDuration`, then in two units, the
 * second of which is left out where it is 0: `6 min 11 s`, `5 min`, `2 d 4 h`. What is beyond the second unit
 * is cut off. Half of a millisecond is added before, as times are sums of doubles.
 */
export function age(seconds) {
  const exact = seconds + 0.0005;
  if (!isBetween(exact, 60, 1e15)) return callDuration(seconds);
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([length]) => exact >= length);
  const [[long, name], [short, shortName]] = units.slice(first);
  const rest = Math.floor((exact % long) / short);
  return withUnit(Math.floor(exact / long), name) + (rest ? ` ${withUnit(rest, shortName)}` : "");
}

/**
 * A share from 0 to 1 in percent. `0 %` is none at all, and `100 %` all of them: `<0.01 %`, `0.12 %`, `4.2
 * %`, `64 %`, `99.6 %`.
 */
export function share(part) {
  const percent = part * 100;
  if (part === null || !(percent >= 0 && percent <= 100)) return MISSING;
  let text = "<0.01";
  if (part >= 1 || part === 0) text = percent;
  else if (percent > 99) text = toDecimals(Math.min(percent, 99.9), 1);
  else if (percent >= 9.95) text = toDecimals(percent, 0);
  else if (percent >= 0.995) text = toDecimals(percent, 1);
  else if (percent >= 0.01) text = toDecimals(percent, 2).replace(/0+$/, "");
  return withUnit(text, "%");
}

/**
 * The number of a rate without its unit: whole from 10 on, one decimal from 1 on, else two. `8.7`, `<0.01`,
 * `12,345`.
 */
export const rateNumber = ofNumbers(number => {
  if (number >= 9.95 || number === 0) return grouped(number);
  return number < 0.01 ? "<0.01" : toDecimals(number, number < 0.995 ? 2 : 1);
});

/**
 * A rate a second: `137 /s`, `8.7 /s`, `0.42 /s`. One below 0.1 /s would have a single digit, so it is
 * written a minute, and one below 0.1 /min an hour: `4.0 /min`, `2.0 /h`.
 */
export const rate = ofNumbers(perSecond => {
  const units = [
    ["/s", 1],
    ["/min", 60],
    ["/h", 3600],
  ];
  const [unit, scale] = units.find(([, times]) => perSecond * times >= 0.095) ?? units[perSecond ? 2 : 0];
  return withUnit(rateNumber(perSecond * scale), unit);
});

const MILLIONS = [
  ["M", 1e6],
  ["G", 1e9],
];
const BYTE_UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].map((unit, i) => [unit, 1024 ** (i + 1)]);

/** A count: `9,668`; from a million on with three digits: `48.2 M`, `1.20 G`. */
export const count = ofNumbers(
  number => (number < 1e6 ? grouped(number) : inUnits(number, MILLIONS)),
  Infinity,
);

/** A count with its word: `1 method`, `1,204 methods`. */
export const counted = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/**
 * A mean number of things, as calls in flight are: whole from 10 on, below with one decimal: `58`, `0.8`,
 * `0`.
 */
export const mean = ofNumbers(number => {
  if (number >= 9.95 || number === 0) return grouped(number);
  return number < 0.05 ? "<0.1" : toDecimals(number, 1);
});

/** A number of bytes with three digits, in units of 1,024 that change at 1,000: `212 MiB`, `3.10 MiB`. */
export const bytes = ofNumbers(number => {
  const whole = Math.trunc(number) + (number % 1 >= 0.5 ? 1 : 0);
  return whole < 1000 ? withUnit(whole, "B") : inUnits(whole, BYTE_UNITS);
}, 1e24);

/**
 * How many times one number is the other: `430 ×`; below 0.52 as a division: `÷ 2.4`; near 1 in percent: `+14
 * %`; equal: `=`.
 */
export function ratio(times) {
  if (!isBetween(times, 1e-15, 1e15)) return MISSING;
  if (times < 0.52) return withUnit("÷", inDigits(toDigits(1 / times, 2), 2));
  if (times >= 1.95) return withUnit(inDigits(toDigits(times, 2), 2), "×");
  const percent = (times - 1) * 100;
  const whole = Math.round(Math.abs(percent));
  return whole === 0 ? "=" : withUnit((percent < 0 ? "−" : "+") + whole, "%");
}

/**
 * A range of two numbers in the form of `format`: without spaces between bare numbers, with spaces between
 * numbers with units, and once where both are written the same. Rates leave their unit out: they stand below
 * a number that has it. `span(128, 143, rate)` is `128–143`, `span(0.0041, 0.019, duration)` `4.1 ms – 19
 * ms`, `span(0, 0.002, share)` `≤ 0.2 %`.
 */
export function span(low, high, format) {
  const both = [format(low), format(high)];
  if (both[0] === both[1]) return both[1];
  if (low === 0 && format === share) return `≤ ${both[1]}`;
  const bare =
    format === rate && both.every(text => text.endsWith("/s")) ? both.map(text => text.slice(0, -3)) : both;
  return bare.join(bare.join("").includes("\u202f") ? " – " : "–");
}

/**
 * A usual range of the JSON, `[low, high]` or nothing: `usual 36–42`, `usual ≤ 0.2 %`; an empty text where
 * none is known.
 */
export const usualText = (range, format) =>
  Array.isArray(range) ? `usual ${span(range[0], range[1], format)}` : "";

/** The number in a cell of a table: a zero without its unit. */
export const inCell = (number, format) => (number === 0 ? "0" : format(number));

/**
 * The unit in which a duration of seconds is written, for its weight in a table of mixed ones: `s`, `ms`,
 * `us`.
 */
export const magnitude = seconds => ({ µs: "us", ms: "ms" })[duration(seconds).slice(-2)] ?? "s";
