/*
 * The keyboard. Keys of one letter do nothing in fields, together with Ctrl, Alt or Meta, or where they are
 * switched off in the help dialog. What is not of the whole page goes to the screen: its table and its plots.
 */
import { SCREENS, screenLink } from "./address.js";
import { RANGES, page } from "./source.js";
import { changeTheme, changeZone, lettersAreOn, openHelp } from "./dialog.js";
import { copyVerdict } from "./verdict.js";
import { pickSnapshot, saveSnapshot } from "./file.js";
import { RANGED } from "./frame.js";
import { goBack, setRange, togglePause, viewKey } from "./main.js";

/** What the keys of one letter do. */
const LETTERS = {
  p: togglePause,
  c: copyVerdict,
  s: saveSnapshot,
  o: pickSnapshot,
  t: changeTheme,
  u: changeZone,
  "?": openHelp,
  "/": focusFilter,
  "[": () => stepRange(-1),
  "]": () => stepRange(1),
};

function focusFilter() {
  const field = document.querySelector("main input[type=search]");
  field?.focus();
  field?.select();
}

/** A shorter or a longer range, where there is one. */
function stepRange(by) {
  const ranges = Object.keys(RANGES);
  const range = ranges[ranges.indexOf(page.range) + by];
  if (range && RANGED.has(page.address.screen)) setRange(range);
}

/** Whether a node takes letters itself. */
const isField = node =>
  node instanceof Element &&
  node.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=file])");

/** Listens to `keydown` of the window. */
export function pageKey(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (pressKey(event)) event.preventDefault();
}

/** Does what a key means. True if it was used. */
function pressKey(event) {
  const { key } = event;
  if (key === "Escape") return pressEscape(event);
  if (isField(event.target)) return false;
  if (key.length === 1 && key !== " ") {
    if (!lettersAreOn()) return false;
    const screen = SCREENS[Number(key) - 1];
    if (screen) location.hash = screenLink(screen);
    else if (Object.hasOwn(LETTERS, key)) LETTERS[key]();
    else return viewKey(event);
    return true;
  }
  return viewKey(event);
}

/** Esc: what the screen has to close, then out of a field, then back. */
function pressEscape(event) {
  if (viewKey(event)) return true;
  if (isField(event.target)) event.target.blur();
  else goBack();
  return true;
}
