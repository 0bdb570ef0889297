/*
 * Merging. An answer that is asked with `since` continues an earlier one: series go on at `t0`, tables have
 * the rows or the cells that changed. Here both become one whole answer as docs/api.md describes it, so a
 * screen gets no deltas.
 *
 * Series become typed arrays, with NaN for what has no number. They never have more slots than their range,
 * and all else replaces what was there, so the page holds the same amount after a day as after a quarter of
 * an hour.
 */
import { clamp } from "./numbers.js";
import { RANGES } from "./source.js";

/** Numbers of the JSON as a typed array: `null`, which is "no calls", becomes NaN. */
const typed = values => Float64Array.from(values, value => value ?? NaN);

/** What an object has under a name of the service, which may be one of all objects, as `constructor`. */
const ownOf = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

/** A group is `{ t0, step, series }`, where `series` is one series or several by name. */
const isOne = group => group.series.length !== undefined;
const mapSeries = (group, change) =>
  isOne(group)
    ? change(group.series)
    : Object.fromEntries(Object.entries(group.series).map(([name, values]) => [name, change(values)]));
const slotsOf = group =>
  isOne(group)
    ? group.series.length
    : Math.max(0, ...Object.values(group.series).map(values => values.length));

/** How many slots a group may have: those of the range, and the ones at both ends that are not whole. */
const roomOf = (group, range) => Math.ceil((RANGES[range] ?? 900) / group.step) + 2;

/** At which slot of `old` the fresh one begins, or -1 if it does not continue it. */
const placeOf = (old, fresh) => (old.step === fresh.step ? Math.round((fresh.t0 - old.t0) / old.step) : -1);

/**
 * Continues a group: the new values replace what is there. A name that is missing on one side has `absent`
 * there.
 */
function continueSeries(old, fresh, range, absent = NaN) {
  const place = placeOf(old, fresh);
  if (place < 0) return fresh;
  const total = place + slotsOf(fresh);
  const drop = Math.max(0, total - roomOf(old, range));
  const seen = clamp(place, drop, slotsOf(old));
  const joined = (before, after) => {
    const values = new Float64Array(total - drop).fill(NaN);
    if (before) values.set(before.subarray(drop, seen));
    else values.fill(absent, 0, seen - drop);
    if (after) values.set(place < drop ? after.subarray(drop - place) : after, Math.max(0, place - drop));
    else values.fill(absent, Math.max(0, place - drop));
    return values;
  };
  const names = Object.keys({ ...old.series, ...fresh.series });
  const series = isOne(fresh)
    ? joined(old.series, fresh.series)
    : Object.fromEntries(
        names.map(name => [name, joined(ownOf(old.series, name), ownOf(fresh.series, name))]),
      );
  return { ...fresh, t0: old.t0 + drop * old.step, series };
}

/**
 * Continues a heat map: columns as slots are; rows are half powers of two from `lo`, which may have become
 * lower.
 */
function continueHeat(old, fresh, range) {
  const place = placeOf(old, fresh);
  if (place < 0) return fresh;
  const lo = Math.min(old.lo ?? Infinity, fresh.lo ?? Infinity);
  const drop = Math.max(0, place + fresh.ok.length - roomOf(old, range));
  const own = { ...fresh, lo, hi: Math.max(old.hi, fresh.hi), t0: old.t0 + drop * old.step };
  const up = heat => (heat.lo ? Math.round(2 * Math.log2(heat.lo / lo)) : 0);
  own.rows = Math.max(old.rows + up(old), fresh.rows + up(fresh));
  const raised = (columns, by) =>
    by ? columns.map(column => column.map((n, nth) => (nth % 2 ? n : n + by))) : columns;
  for (const kind of ["ok", "failed", "expected"]) {
    if (!fresh[kind]) continue;
    const before = raised((old[kind] ?? []).slice(0, place), up(old));
    while (before.length < place) before.push([]);
    own[kind] = [...before, ...raised(fresh[kind], up(fresh))].slice(drop);
  }
  return own;
}

/**
 * The rows of a table with those that came, and with the cells that changed: `{ p99: [id, value, …] }`. Ids
 * stand first.
 */
function continueRows(old, rows, cells = {}, cols = []) {
  const next = old.slice();
  const places = new Map(next.map((row, place) => [row[0], place]));
  for (const row of rows) next[places.get(row[0]) ?? next.length] = row;
  for (const [name, pairs] of Object.entries(cells)) {
    const at = cols.indexOf(name);
    for (let nth = 0; nth < pairs.length; nth += 2) {
      const place = places.get(pairs[nth]);
      if (place === undefined || at < 0) continue;
      // A row is changed in a copy, so that tables find it by comparing it with the one they drew.
      if (next[place] === old[place]) next[place] = old[place].slice();
      next[place][at] = pairs[nth + 1];
    }
  }
  return next;
}

/** A whole answer as it came, with typed series. */
export function wholeAnswer(answer) {
  const own = { ...answer };
  if (own.series) own.series = mapSeries(own, typed);
  for (const part of ["outcomes", "in_flight"]) {
    if (own[part]?.series) own[part] = { ...own[part], series: mapSeries(own[part], typed) };
  }
  return own;
}

/** What `old` and the answer that continues it say together. */
export function continueAnswer(old, delta, range) {
  const fresh = wholeAnswer(delta);
  const own = { ...old, ...fresh };
  if (fresh.series) {
    const { t0, series } = continueSeries(old, fresh, range);
    Object.assign(own, { t0, series });
  }
  if (fresh.in_flight?.series) own.in_flight = continueSeries(old.in_flight, fresh.in_flight, range);
  if (fresh.outcomes) {
    const types = new Map([...old.outcomes.types, ...fresh.outcomes.types]);
    own.outcomes = { ...continueSeries(old.outcomes, fresh.outcomes, range, 0), types: [...types] };
  }
  if (fresh.heat) own.heat = continueHeat(old.heat, fresh.heat, range);
  if (old.before && fresh.events) own.events = [...earlierEvents(old, old.before), ...fresh.events];
  if (old.rows && fresh.rows) own.rows = continueRows(old.rows, fresh.rows, fresh.cells, old.cols);
  if (old.usual?.rows && fresh.usual?.rows)
    own.usual = { ...fresh.usual, rows: continueRows(old.usual.rows, fresh.usual.rows) };
  if (old.curves && fresh.curves) own.curves = Object.assign(old.curves, fresh.curves);
  return own;
}

const earlierEvents = ({ events = [] }, before) => events.filter(event => event.t < before);

/** The slots of two processes do not begin together: those of the new one stay where they are. */
const inPlace = (joined, fresh) => ({ ...joined, t0: fresh.t0 - placeOf(joined, fresh) * fresh.step });

/**
 * Puts what this tab saw of the process before in front of the series of a new one, of an overview or of a
 * method: the time in between has no numbers. `before` is when the new one began.
 */
export function joinRestarted(old, fresh, range) {
  const own = { ...fresh };
  if (old.series && fresh.series && placeOf(old, fresh) >= 0) {
    const { t0, series } = inPlace(continueSeries(old, fresh, range), fresh);
    Object.assign(own, { t0, series });
  }
  for (const part of ["in_flight", "outcomes", "heat"]) {
    const [a, b] = [old[part], fresh[part]];
    if (!a?.step || !b?.step || placeOf(a, b) < 0) continue;
    own[part] = inPlace(part === "heat" ? continueHeat(a, b, range) : continueSeries(a, b, range, 0), b);
    if (a.types) own[part].types = [...new Map([...a.types, ...b.types])];
  }
  if (startOf(own) === startOf(fresh)) return fresh;
  const events = fresh.events ?? [];
  const start = events.find(event => event.kind === "start");
  own.before = start?.t ?? startOf(fresh);
  own.events = [
    ...earlierEvents(old, own.before),
    ...events.map(event => (event === start ? { ...event, short: "restarted" } : event)),
  ];
  return own;
}

/** Where the series of an overview or of a method begin. */
export const startOf = ({ t0, outcomes }) => t0 ?? outcomes?.t0;
