/*
 * The start: which screen is shown, and when it is drawn.
 *
 * A screen is an object:
 *   path(address)      what to ask for below `api/v1/`, or null; asked anew at each poll
 *   open(main)         builds its nodes in the empty `<main>`, and returns a view
 * and a view:
 *   draw(answer)       brings the nodes up to date; at most once an answer, within a frame
 *   key?(event)        true if it used the key
 *   fail?(error)       true if it shows the error of its answer itself
 *   close?()           takes away what lies outside of `<main>` (listeners of the window, observers)
 */
import { byId, el, fill, root } from "./element.js";
import { SCREEN_TITLES, link, readAddress } from "./address.js";
import { RANGES, keptAnswer, now, page, pollNow, startPolling } from "./source.js";
import {
  brokenPanel,
  centreScreen,
  drawBanner,
  drawErrorWait,
  drawFileAge,
  drawFrame,
  errorPanel,
  notFromThen,
  notInFile,
} from "./frame.js";
import { drawVerdict, tellConnection, tellVerdict } from "./verdict.js";
import { applySettings } from "./dialog.js";
import { pageKey } from "./keys.js";
import { fileAnswer, takeDrops } from "./file.js";
import { drawDoor } from "./door.js";
import { nowScreen } from "./screens/now.js";
import { methodsScreen } from "./screens/methods.js";
import { methodScreen } from "./screens/method.js";
import { inflightScreen } from "./screens/inflight.js";
import { healthScreen } from "./screens/health.js";
import { valuesScreen } from "./screens/values.js";
import { runtimeScreen } from "./screens/runtime.js";
import { compareScreen } from "./screens/compare.js";

const SCREEN = {
  now: nowScreen,
  methods: methodsScreen,
  method: methodScreen,
  inflight: inflightScreen,
  health: healthScreen,
  values: valuesScreen,
  runtime: runtimeScreen,
  compare: compareScreen,
};

/** The view that is shown, or null while something else stands in `<main>`. */
let view = null;
/** How many screens lie before this one in the tab's history: whether there is one to go back to. */
let depth = -1;
let isDrawing = false;

const mainNode = () => byId("main");

/** What is asked for the current screen, or null. */
const screenPath = () => SCREEN[page.address.screen].path(page.address);

/** Opens the screen of the address. */
function show() {
  const before = page.address;
  page.address = readAddress(location.hash);
  const range = page.address.params.get("range");
  page.range = Object.hasOwn(RANGES, range) ? range : "15m";
  const isFirst = depth < 0;
  depth = history.state?.depth ?? depth + 1;
  history.replaceState({ depth }, "");
  openView();
  if (!isFirst && (before.screen !== page.address.screen || before.name !== page.address.name)) {
    scrollTo(0, 0);
    mainNode().focus({ preventScroll: true });
  }
  guarded(drawFrame);
  guarded(drawVerdict);
  centreScreen();
}

/** Takes the view away; `node` stands in its place. */
function closeView(node) {
  view?.close?.();
  view = null;
  if (!node?.isConnected) fill(mainNode(), node);
}

/** Replaces what stands in `<main>`: a focus that was in it goes to the whole of it, not out of the page. */
function keepFocus(change) {
  const hadFocus = mainNode().contains(document.activeElement);
  change();
  if (hadFocus && !mainNode().contains(document.activeElement)) mainNode().focus({ preventScroll: true });
}

/**
 * What cannot be drawn is said, and the other screens stay usable. Of a file that is no error of the page.
 */
function guarded(draw) {
  try {
    draw();
  } catch (error) {
    if (!page.file) reportError(error);
    closeView(brokenPanel(error));
  }
}

/** Builds the current screen anew, and draws what is known of it. */
const openView = () => guarded(buildView);

/** The screen of the address, below its heading; that of a method is its name, which is seen. */
function openScreen() {
  const { screen } = page.address;
  fill(mainNode(), screen !== "method" && el("h1.hidden", SCREEN_TITLES[screen]));
  view = SCREEN[screen].open(mainNode());
}

function buildView() {
  closeView();
  page.error = null;
  delete root.dataset.screen;
  root.toggleAttribute("data-door", Boolean(page.door));
  if (page.door) return drawDoor(mainNode());
  const path = screenPath();
  page.answer = path === null ? null : page.file ? fileAnswer(path) : keptAnswer(path);
  if (page.paused !== null) page.paused = pausedAt();
  openScreen();
  // A screen may have a part of what is missing from another part of the file.
  if (page.file && path !== null && !page.answer && !view.fail?.({ status: 404 })) closeView(notInFile());
  drawSoon();
  if (!page.file && page.verdict) pollNow();
}

/** Draws within the next frame, once however often it is asked. */
function drawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    guarded(drawAll);
  });
}

function drawAll() {
  drawFrame();
  drawVerdict();
  const { dataset } = root;
  if (!page.verdict) return;
  const isFirst = dataset.state === undefined;
  dataset.state = page.verdict.state;
  delete dataset.loading;
  if (isFirst) centreScreen();
  const isKnown = page.answer || screenPath() === null;
  if (view && page.lost && !isKnown) keepFocus(() => closeView(notFromThen()));
  if (!view || !isKnown) return;
  view.draw(page.answer);
  dataset.screen = page.address.screen;
}

/** Asks for the current screen at once: after a scroll, for curves that came into view, and by `Try now`. */
export function refresh() {
  if (page.error) page.error.next = 0;
  pollNow();
}

/**
 * Changes parameters of the address in place, as filters and marks do: a value that is null or empty takes
 * one away.
 */
export function replaceAddress(changes) {
  const params = { ...Object.fromEntries(page.address.params), ...changes };
  history.replaceState({ depth }, "", link(page.address.screen, page.address.name, params));
  page.address = readAddress(location.hash);
}

/** Shows another range: the screen is built anew, as everything on its axis is another. */
export function setRange(range) {
  page.range = range;
  replaceAddress({ range: range === "15m" ? null : range, at: null });
  openView();
}

/** While the page is paused, its time is that of the answer shown: another screen has one of its own. */
const pausedAt = () => page.answer?.now ?? now();

/** Stops the screen at what it shows, or goes on; the gap is filled from the server's history. */
export function togglePause() {
  if (page.file) return;
  page.paused = page.paused === null ? pausedAt() : null;
  if (page.paused === null) pollNow();
  drawSoon();
}

/** Back to the screen before, or from a method that was opened first to all methods. */
export function goBack() {
  if (depth > 0) history.back();
  else if (page.address.screen === "method") location.hash = link("methods");
}

/** Opens what stands in the address anew: a file was opened or closed, or the door was passed. */
export function reopen() {
  drawBanner();
  openView();
}

/** The keys that are not of the whole page go to the screen. */
export const viewKey = event => view?.key?.(event) ?? false;

/**
 * One answer of the screen is an error: the screen shows it, or this does. The verdict and the others go on.
 */
function showError(error) {
  if (view?.fail?.(error)) page.error = null;
  else keepFocus(() => closeView(errorPanel()));
  drawSoon();
}

function takeAnswer(answer) {
  page.answer = answer;
  if (page.paused !== null) page.paused = pausedAt();
  // The error before is over.
  if (!view) keepFocus(() => guarded(openScreen));
  drawSoon();
}

function takeVerdict(before) {
  tellVerdict(before);
  drawSoon();
}

function takeChange() {
  tellConnection();
  if (page.door) openView();
  else drawSoon();
}

/**
 * Once a second: the verdict's ages go on, and while the server does not answer all of the page, as its axis
 * does.
 */
function drawSecond() {
  if (document.hidden || page.door) return;
  if (page.file) return drawFileAge();
  if (page.lost) return drawSoon();
  drawErrorWait();
  drawVerdict();
}

function start() {
  applySettings();
  root.dataset.loading = "";
  addEventListener("hashchange", show);
  addEventListener("keydown", pageKey);
  takeDrops();
  // The fragment is the address of a screen: the link to the content must not change it.
  document.querySelector(".skip").addEventListener("click", event => {
    event.preventDefault();
    mainNode().focus();
  });
  show();
  // A page that is there at once shows no sign of loading.
  setTimeout(() => delete root.dataset.loading, 150);
  startPolling({
    path: screenPath,
    onAnswer: takeAnswer,
    onVerdict: takeVerdict,
    onError: showError,
    onChange: takeChange,
  });
  setInterval(drawSecond, 1000);
}

start();
