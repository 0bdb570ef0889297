/*
 * Snapshot files. A file is saved by the browser from `api/v1/snapshot`, or made here of what the page has if
 * the server does not answer. It is opened in the browser and sent nowhere: the same screens draw its parts.
 * A file may come from anywhere, so it is checked before, and what cannot be drawn of it is said on its
 * screen.
 */
import { byId, button, el } from "./element.js";
import { hasToken, isVerdict, keptAll, now, page, parsed, pollNow, request } from "./source.js";
import { wholeAnswer } from "./series.js";
import { openDialog } from "./dialog.js";
import { say, tellConnection } from "./verdict.js";
import { reopen } from "./main.js";

const FORMAT = "monitor-snapshot";
/** The version that this page reads. */
const VERSION = 1;
/** Larger files are none of a monitor, which writes at most 8 MiB. */
const MOST_FILE = 64 << 20;

/** Saves a snapshot: the button, which is a link to it, and the key `s`. */
export async function saveSnapshot(event) {
  if (page.file) return;
  // Without a verdict there is nothing that could be opened again.
  if (page.lost && !page.verdict) {
    event?.preventDefault?.();
    return say("Nothing to save: no answer came yet");
  }
  if (!page.lost && !hasToken()) {
    // The browser saves it; the link can do that without a script.
    if (!event?.currentTarget?.matches("a")) clickDownload("api/v1/snapshot", true);
    return;
  }
  event?.preventDefault?.();
  if (page.lost)
    return saveBlob(JSON.stringify(partialSnapshot(), plainSeries), `${fileStem()}-partial.json`);
  try {
    saveBlob(await (await request("api/v1/snapshot", 60000)).text(), `${fileStem()}.json`);
  } catch (error) {
    openDialog("The snapshot cannot be saved", "", el("p", `The monitor answered: ${error.message}`));
  }
}

function clickDownload(href, download) {
  const anchor = el("a", { href, download, hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

function saveBlob(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  clickDownload(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** `textprocessor-20261128T031400Z`. */
function fileStem() {
  const time = new Date(now() * 1000).toISOString().replace(/\.\d+|[-:]/g, "");
  return `${(page.verdict?.service?.name ?? "monitor").replace(/[^\w.-]/g, "_")}-${time}`;
}

/** Typed series as arrays; NaN becomes `null` in JSON. */
const plainSeries = (_, value) => (ArrayBuffer.isView(value) ? [...value] : value);

/** What the page has, as a snapshot that is marked as a part. */
function partialSnapshot() {
  const { verdict } = page;
  const file = {
    format: FORMAT,
    v: VERSION,
    partial: true,
    taken: verdict.now,
    verdict,
    overview: {},
    // Without a prototype, so that a method of any name is an entry.
    method: Object.create(null),
    left: ["what the page did not show"],
  };
  for (const [key, answer] of keptAll()) {
    const { part, name, range } = partOf(key);
    if (name) file.method[name] = answer;
    else if (part === "overview") file.overview[range] = answer;
    else file[part] = answer;
    file.taken = Math.max(file.taken, answer.now);
  }
  return file;
}

/** Where the answer of a path stands in a file: `{ part, name, range }`. */
function partOf(path) {
  const [head, query] = path.split("?");
  const range = new URLSearchParams(query).get("range") ?? "15m";
  const name = head.startsWith("methods/") ? decodeURIComponent(head.slice(8)) : "";
  return { part: name ? "method" : head, name, range };
}

/** The answer of a path in the opened file, or null if it has none. Details of a method are of 15 minutes. */
export function fileAnswer(path) {
  const { part, name, range } = partOf(path);
  const own = (object, key) => (object && Object.hasOwn(object, key) ? object[key] : null);
  const group = own(page.file, part);
  const answer = name ? range === "15m" && own(group, name) : part === "overview" ? own(group, range) : group;
  return answer ? wholeAnswer(answer) : null;
}

/** Reads a File: the snapshot in it, or an Error whose text is shown. */
export async function readSnapshot(file) {
  const wrong = text => new Error(`This is no snapshot of this monitor: ${text}.`);
  if (file.size > MOST_FILE) throw wrong("it is larger than 64 MiB");
  const object = parsed(await file.text());
  if (object === undefined) throw wrong("it is no JSON");
  const isObject = value => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(object)) throw wrong("it is no JSON object");
  const { format, v, verdict } = object;
  if (format !== FORMAT)
    throw wrong(
      format === undefined
        ? "it has no `format`"
        : `its \`format\` is ${JSON.stringify(format).slice(0, 40)}`,
    );
  if (v !== VERSION)
    throw new Error(`It is of version ${JSON.stringify(v)?.slice(0, 20)}, this page reads ${VERSION}.`);
  // All axes end then: a time beyond all calendars would have ticks without end.
  const isTime = t => typeof t === "number" && t > 0 && t < 1e11;
  if (!isTime(object.taken) || !isTime(object.envelope?.now ?? 1)) throw wrong("`taken` is no time");
  if (!isVerdict(verdict)) throw wrong("it has no `verdict`");
  const part = ["overview", "method", "methods", "inflight", "health", "events", "values", "runtime"].find(
    name => name in object && !isObject(object[name]),
  );
  if (part) throw wrong(`\`${part}\` is no object`);
  return object;
}

/** Lets the operator choose a file: a File, or null. */
export function pickFile() {
  return new Promise(resolve => {
    const done = () => {
      input.remove();
      resolve(input.files[0] ?? null);
    };
    const input = el("input", {
      type: "file",
      accept: ".json,application/json",
      hidden: true,
      on: { change: done, cancel: done },
    });
    document.body.append(input);
    input.click();
  });
}

/** Chooses a snapshot and opens it: the key `o`, and the buttons. */
export async function pickSnapshot() {
  const file = await pickFile();
  if (file) await openSnapshot(file);
}

/** What the page knew of the server when a file was opened: it is there again after it. */
let liveState = null;

/** Opens a File as the page: all screens show it, and nothing is asked any more. */
async function openSnapshot(file) {
  let snapshot;
  try {
    snapshot = await readSnapshot(file);
  } catch (error) {
    const node = openDialog(
      "Wrong file",
      "",
      el("p", error.message.replaceAll("`", "")),
      el(
        "p",
        button("Open another file", () => {
          node.close();
          pickSnapshot();
        }),
      ),
    );
    return;
  }
  const { verdict, lost, before } = page;
  if (!page.file) liveState = { verdict, lost, before };
  Object.assign(page, {
    file: snapshot,
    fileName: file.name,
    verdict: snapshot.verdict,
    paused: null,
    lost: null,
    door: null,
    before: null,
  });
  changeSource();
}

/** Closes the file, and asks the server again. */
export function backToLive() {
  Object.assign(page, { file: null, ...liveState });
  changeSource();
  pollNow();
  byId("main").focus();
}

function changeSource() {
  tellConnection();
  reopen();
}

/** A snapshot may be dropped on the page. */
export function takeDrops() {
  addEventListener("dragover", event => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", event => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    openSnapshot(file);
  });
}
