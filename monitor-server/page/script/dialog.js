/*
 * Dialogs: help with settings, a text to be copied by hand, and what is wrong with a file. All are
 * `<dialog>`: the browser keeps the focus inside, closes them with Esc, and brings the focus back to where it
 * was.
 */
import { button, el, fill, mark, put, root, set } from "./element.js";
import { page, setting } from "./source.js";
import { toggleZone, zoneName } from "./time.js";
import { RANGED, rangeButtons } from "./frame.js";
import { copyVerdict, say } from "./verdict.js";
import { pickSnapshot, saveSnapshot } from "./file.js";
import { plotsAsTable } from "./plot.js";
import { reopen, togglePause } from "./main.js";

/** Opens a dialog with a heading. */
export function openDialog(title, className, ...children) {
  const close = () => node.close();
  const node = el(
    "dialog",
    { class: `dialog ${className}`, "aria-label": title, on: { close: () => node.remove() } },
    el("h2", title),
    children,
    el("p.dialog-end", button("Close", close, {}, el("kbd", "Esc"))),
  );
  // A click beside the dialog is on the dialog itself.
  node.addEventListener("click", event => event.target === node && close());
  document.body.append(node);
  node.showModal();
  return node;
}

/** Copies a text; the button says so for 2 s. Without the permission a dialog shows the text, selected. */
export async function copyText(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { readonly: true, "aria-label": "Text to copy" });
    area.value = text;
    openDialog("To copy", "wide", area);
    return area.select();
  }
  say("Copied");
  if (!pressed || pressed.was) return;
  // The button keeps its width, so that nothing beside it moves.
  pressed.style.setProperty("min-width", `${pressed.offsetWidth}px`);
  pressed.was = [...pressed.childNodes];
  fill(pressed, "Copied");
  setTimeout(() => {
    fill(pressed, pressed.was);
    pressed.was = null;
  }, 2000);
}

const KEYS = [
  "1 … 7|screens, Now to Compare",
  "/|filter",
  "j k ↓ ↑|next, previous row",
  "Enter|open the row",
  "Esc|close; remove the mark; empty the filter; back",
  "[ ]|shorter, longer range",
  "← →|move the time mark, with Shift by 10",
  "p|pause, go on",
  "c|copy the verdict for the incident",
  "s|save a snapshot",
  "o|open a snapshot",
  "t|light, dark, as the system has it",
  "u|UTC, local time",
  "?|this",
];
const MEANINGS = {
  bad: "fails, is down, is stuck",
  warn: "slow, over a limit",
  ok: "as usual",
  idle: "idle, not known",
  info: "something happened",
  drain: "draining",
  usual: "usual: 5 to 95 % of the last 3 h, incidents left out",
};

/** Whether keys of one letter do something. */
export const lettersAreOn = () => setting("letters") !== "off";

const THEMES = ["system", "light", "dark"];
const themeNow = () => Math.max(0, THEMES.indexOf(setting("theme")));

/** Brings the page to the theme that was chosen, `system` is none, and to the zone. */
export const applySettings = () =>
  set(root, { "data-theme": themeNow() ? THEMES[themeNow()] : null, "data-zone": setting("zone") });

/** The next theme: as the system has it, light, dark. */
export function changeTheme() {
  setting("theme", THEMES[(themeNow() + 1) % 3]);
  applySettings();
  say(`Theme: ${THEMES[themeNow()]}`);
}

/** Changes between UTC and local time; all times on the page are written anew. */
export function changeZone() {
  toggleZone();
  applySettings();
  reopen();
  say(`Times: ${zoneName()}`);
}

/** The help dialog: keys, marks, and all that has no room in the bar of a narrow window. */
export function openHelp() {
  const letters = el("input", {
    type: "checkbox",
    id: "letters",
    on: { change: () => setting("letters", letters.checked ? "on" : "off") },
  });
  letters.checked = lettersAreOn();
  const action = (text, does) =>
    button(text, () => {
      node.close();
      does();
    });
  const change = (text, does) =>
    button(text(), event => {
      does();
      put(event.currentTarget, text());
    });
  const list = (entries, name) =>
    el(
      "dl",
      entries.map(([term, does]) => el("div", el("dt", name(term)), el("dd", does))),
    );
  const key = name => (name === "…" ? " … " : el("kbd", name));
  const live = !page.file && !page.door;
  const node = openDialog(
    "Keys",
    "help-dialog",
    list(
      KEYS.map(line => line.split("|")),
      names => names.split(" ").map(key),
    ),
    el("h2", "Marks"),
    list(Object.entries(MEANINGS), kind => (kind === "usual" ? el("span.usual-sample") : mark(kind))),
    el("h2", "This page"),
    el(
      "div.dialog-row",
      RANGED.has(page.address.screen) && rangeButtons(),
      live && action(page.paused === null ? "Pause" : "Go on", togglePause),
      live && action("Save a snapshot", saveSnapshot),
      action("Open a snapshot", pickSnapshot),
      page.verdict && action("Copy for the incident", copyVerdict),
      action("Values as a table", openValues),
      change(() => `Theme: ${THEMES[themeNow()]}`, changeTheme),
      change(() => `Times: ${zoneName()}`, changeZone),
    ),
    el("p", letters, el("label", { for: "letters" }, " Keys of one letter")),
  );
}

/** The plots of this screen as a table of 15 rows, for those who cannot see a plot. */
function openValues() {
  const values = plotsAsTable();
  const line = row =>
    el(
      "tr",
      row.map((text, nth) => el(nth ? "td" : "th", { scope: nth ? null : "row" }, text)),
    );
  const head =
    values &&
    el(
      "tr",
      values.head.map(text => el("th", { scope: "col" }, text)),
    );
  openDialog(
    "Values as a table",
    "wide",
    values
      ? el("table", el("thead", head), el("tbody", values.rows.map(line)))
      : el("p", "This screen has no plots."),
  );
}
