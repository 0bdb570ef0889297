/*
 * Times of day. The zone is UTC, as in the logs of most services and in the text pages, until the key `u`
 * makes it that of the browser; the choice is remembered.
 */
import { age, clamp } from "./numbers.js";
import { now, setting } from "./source.js";

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const isLocal = () => setting("zone") === "local";

/** Changes from UTC to the browser's zone, or back. */
export const toggleZone = () => setting("zone", isLocal() ? "utc" : "local");

/** Seconds that the zone's clock is ahead of UTC at a time: 3600 for CET. */
export const zoneOffset = t => (isLocal() ? -60 * new Date(t * 1000).getTimezoneOffset() : 0);

/** The name of the zone: `UTC`, `CET`, `GMT+5:30`. */
export function zoneName() {
  if (!isLocal()) return "UTC";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(now() * 1000);
  return parts.find(part => part.type === "timeZoneName")?.value ?? "local";
}

/**
 * A time as `YYYY-MM-DDTHH:MM:SS` of the zone. The half of a millisecond is for times that are sums of
 * doubles.
 */
function isoTime(t) {
  const at = new Date((clamp(t ?? NaN, 0, 253402300799) + zoneOffset(t)) * 1000 + 0.5);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 19);
}

/** The time of day of seconds since 1970: `03:07:42`. */
export const dayTime = t => isoTime(t).slice(11) || "–";

/** The day of a text of `isoTime`: `28 Nov`. */
const isoDay = text => `${Number(text.slice(8, 10))} ${MONTHS[text.slice(5, 7) - 1]}`;

/** The time of day, with the date where that is not today's: `03:07:42`, `28 Nov 03:07:42`. */
export function clockTime(t) {
  const text = isoTime(t);
  if (!text) return "–";
  return text.slice(0, 10) === isoTime(now()).slice(0, 10)
    ? text.slice(11)
    : `${isoDay(text)} ${text.slice(11)}`;
}

/** Date, time and zone: `28 Nov 2026, 03:14:00 UTC`. */
export function fullTime(t) {
  const text = isoTime(t);
  return text ? `${isoDay(text)} ${text.slice(0, 4)}, ${text.slice(11)} ${zoneName()}` : "–";
}

/**
 * Since when something is: the time of day, which needs no date within a day, or if that is more than a day
 * ago, how long ago: `03:07:42`, `2 d 4 h ago`.
 */
export const sinceText = t => (t !== null && now() - t > 86400 ? `${age(now() - t)} ago` : dayTime(t));
