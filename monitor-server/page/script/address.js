/*
 * The address. Everything that is seen stands in the fragment, which never leaves the browser:
 * `#/method/LookUpWords?range=3h&at=1795835262`. Unknown parts are ignored.
 */

import { page } from "./source.js";

/** What the screens are called. */
export const SCREEN_TITLES = {
  now: "Now",
  methods: "Methods",
  inflight: "In flight",
  health: "Health",
  values: "Values",
  runtime: "Runtime",
  compare: "Compare",
};

/** The names of the screens; their places are the keys 1 to 7. `method` is one of `methods`. */
export const SCREENS = Object.keys(SCREEN_TITLES);

/** Reads a fragment: `{ screen, name, params }`, with `params` a URLSearchParams. */
export function readAddress(fragment) {
  const [path, query = ""] = fragment.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [first, ...rest] = path.split("/");
  const params = new URLSearchParams(query);
  if (first === "method") {
    let name = rest.join("/");
    try {
      name = decodeURIComponent(name);
    } catch {
      // A fragment typed by hand: the name as it stands.
    }
    return { screen: name ? "method" : "methods", name, params };
  }
  return { screen: SCREENS.includes(first) ? first : "now", name: "", params };
}

/** The fragment of a screen: `link("method", "LookUpWords")`, `link("methods", "", { show: "failing" })`. */
export function link(screen, name = "", params = {}) {
  const query = new URLSearchParams(
    Object.entries(params).filter(([, value]) => value !== null && value !== ""),
  ).toString();
  return `#/${screen}${name ? `/${encodeURIComponent(name)}` : ""}${query ? `?${query}` : ""}`;
}

/**
 * The fragment of a screen, or of the method of a name: the range goes along, so that the same time is seen.
 */
export const screenLink = (screen, name) =>
  link(screen, name, { range: page.range === "15m" ? "" : page.range });
