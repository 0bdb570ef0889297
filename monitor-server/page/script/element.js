/*
 * Elements. All that comes from the service is set as text or as an attribute of a fixed list, so no name and
 * no error text can become markup: there is no other way to make a node in this page.
 */

/** Attributes that data may be written to. */
const ATTRIBUTES = new Set(
  (
    "class id role href title type value tabindex for scope colspan hidden download accept " +
    "placeholder autocomplete spellcheck viewBox width height x y x1 x2 y1 y2 cx cy r rx d fill " +
    "text-anchor preserveAspectRatio selected readonly"
  ).split(" "),
);

/**
 * Sets attributes: `class`, `href` and the like from a fixed list, `aria-*` and `data-*`; `text` is the text,
 * `on` an object of listeners. A value that is null or false removes the attribute, `true` sets it empty;
 * those of `aria-*` are written. An attribute is only touched if it changes.
 */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") put(node, value);
    else if (name === "on")
      for (const [kind, listener] of Object.entries(value)) node.addEventListener(kind, listener);
    else if (!ATTRIBUTES.has(name) && !/^(aria|data)-[a-z]+$/.test(name))
      throw new Error(`attribute ${name}`);
    else if (value == null || (value === false && !name.startsWith("aria"))) node.removeAttribute(name);
    else {
      const text = value === true && !name.startsWith("aria") ? "" : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
  return node;
}

/** Sets the text of a node, if it is another one. */
export function put(node, text) {
  const wanted = String(text ?? "");
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

/** Children are nodes, texts, lists of them, or nothing: null, undefined, false. */
const childrenOf = children => children.flat(9).filter(child => child !== false && child != null);

/**
 * `name` is the tag with its classes, `"p.small"`, and never data. The attributes may be left out: what is no
 * plain object is the first child.
 */
function build(make, name, [attributes, ...children]) {
  const [tag, ...classes] = name.split(".");
  const own = attributes?.constructor === Object;
  const node = make(tag);
  node.append(...childrenOf(own ? children : [attributes, ...children]));
  if (classes.length) node.setAttribute("class", classes.join(" "));
  return own ? set(node, attributes) : node;
}

/** An HTML element: `el("a.button", { href: "#/now" }, "Now")`. */
export const el = (name, ...rest) => build(tag => document.createElement(tag), name, rest);

/** An element of a drawing. A whole drawing is hidden from screen readers, but for one that has a role. */
export function svg(name, ...rest) {
  const node = build(tag => document.createElementNS("http://www.w3.org/2000/svg", tag), name, rest);
  return node.tagName === "svg" && !node.hasAttribute("role") ? set(node, { "aria-hidden": "true" }) : node;
}

/** The element of the whole document. What the page is in stands in attributes of it, for the styles. */
export const root = document.documentElement;

/** A part of the shell: `byId("main")`. */
export const byId = id => document.getElementById(id);

/** A button with a text: `button("Try now", refresh)`. */
export const button = (text, click, attributes, ...more) =>
  el("button", { type: "button", class: "button", on: { click }, ...attributes }, text, more);

/** Calls a function when one of the nodes has got another size; what is returned ends that. */
export function onResize(resized, ...nodes) {
  const observer = new ResizeObserver(resized);
  for (const node of nodes) observer.observe(node);
  return () => observer.disconnect();
}

/** Replaces the children of a node. */
export function fill(node, ...children) {
  node.replaceChildren(...childrenOf(children));
  return node;
}

/** Fills a node with texts and nodes, if that changes what is read. */
export function refill(node, ...parts) {
  const fresh = el("p", parts);
  if (node.textContent !== fresh.textContent) fill(node, ...fresh.childNodes);
}

/**
 * Keeps one child of `parent` for each item, in their order: `make(item)` makes a node for a key that is new,
 * and `bind(node, item)` brings a node up to date. Nodes stay the same as long as their key is there, so that
 * focus, the pointer and selected text stay where they are. Children whose key is gone are removed.
 */
export function keep(parent, items, key, make, bind) {
  const old = (parent.kept ??= new Map());
  const kept = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    // Two items of one key are two nodes: names are cut, so that they may be equal.
    let id = key(item);
    while (kept.has(id)) id = `${id}\u0000`;
    const node = old.get(id) ?? make(item);
    old.delete(id);
    kept.set(id, node);
    bind?.(node, item);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  parent.kept = kept;
}

/** Shapes of the marks, in a box of 16. A shape that is filled comes first, then what is drawn on it. */
const MARKS = {
  bad: ["M5.3 1h5.4L15 5.3v5.4L10.7 15H5.3L1 10.7V5.3z", "M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2"],
  warn: ["M8 1.2 15.4 14.4H.6z", "M8 6v4M8 12v.6"],
  ok: ["", "M3 8.4l3.4 3.4L13 4.6"],
  idle: ["", "M4 8h8"],
  info: ["", "M8 1.6a6.4 6.4 0 1 1 0 12.8A6.4 6.4 0 1 1 8 1.6M8 5.2v.2M8 7.6v4"],
  drain: ["M2 3h12L8 14z", ""],
  dot: ["M8 4a4 4 0 1 1 0 8A4 4 0 1 1 8 4", ""],
};

/**
 * A mark: `bad`, `warn`, `ok`, `idle`, `info`, `drain`, `dot`. Alone it needs a label; beside its word it has
 * none.
 */
export function mark(kind, label) {
  const node = svg("svg.mark", { viewBox: "0 0 16 16" }, svg("path.ground"), svg("path.figure"));
  return setMark(node, kind, label);
}

/** Makes an existing mark one of another kind: of `idle`, if there is none of that name. */
export function setMark(node, kind, label) {
  if (node.marked === (node.marked = `${kind} ${label}`)) return node;
  const known = Object.hasOwn(MARKS, kind) ? kind : "idle";
  set(node, {
    "data-kind": known,
    role: label && "img",
    "aria-label": label,
    "aria-hidden": label ? null : "true",
  });
  const [ground, figure] = MARKS[known];
  set(node.firstChild, { d: ground });
  set(node.lastChild, { d: figure });
  return node;
}

/** The status of a check or a task type as the kind of its mark. */
export const markOfStatus = status => ({ UP: "ok", DOWN: "bad" })[status];

/**
 * Text of the JSON in which names stand in backquotes, as nodes: the names become `<code>`, or in a sentence
 * spans with a faint ground (`chip`).
 */
export function rich(text, chip = false) {
  return String(text ?? "")
    .split("`")
    .map((part, index) => (index % 2 ? el(chip ? "span.chip" : "code", part) : part));
}

/**
 * A name that can be seen: one without letters is "(no name)". One of the address may have signs that turn
 * the direction of writing; the server has replaced those of its own.
 */
export const shownName = name =>
  (/\S/.test(name ?? "") ? name : "(no name)").replace(/[\u202a-\u202e\u2066-\u2069]/g, "?");
