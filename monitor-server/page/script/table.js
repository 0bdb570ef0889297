/*
 * Tables: one builder for all of them.
 *
 * A table has columns and items. `draw(items)` is called with all items after each answer; only cells whose
 * text changed are touched, and a row stays the same element as long as its item is there, so focus, pointer
 * and selected text stay where they are.
 *
 * Order: groups first (what changed, then the rest behind a dividing line), then the sorted column, then
 * `then`. It is computed anew every 10 s, and not while the pointer or the focus is in the table, as rows
 * that jump cannot be read or clicked. Between that, values change in place, new rows come last in their
 * group, and only a row whose group becomes a better one moves up at once.
 *
 * From 200 lines on only the rows in view and 8 on each side are in the document; a spacer row above and one
 * below stand for the others. On scroll, rows that went out of view are bound to the items that come into
 * view. So all rows have one height.
 *
 * Narrow windows: columns with `from` go below that width; below `stackBelow` a row is a small grid (class
 * `stacked`), in which a column's `stack` is its place. Columns that are not seen are not in the document.
 *
 * Keyboard: one row is a tab stop, arrows move it. When the focused row leaves the document on scroll, the
 * table itself takes the focus, and gives it back when the row returns.
 */
import { link } from "./address.js";
import { button, el, fill, put, refill, set, shownName } from "./element.js";
import { clamp, count, duration, inCell, magnitude } from "./numbers.js";
import { page } from "./source.js";
import { refresh, replaceAddress } from "./main.js";
import { say } from "./verdict.js";

/** So many rows are in the document on each side of those in view. */
const SPARE_ROWS = 8;

/**
 * Sets the text of a cell with its unit small; cheap if it is the same. `level` is that of the JSON, or
 * empty.
 */
export function cell(td, text, level = "") {
  if (td.shown !== text) {
    // The formatters put U+202F before a unit, and behind `÷`. An age of two units is one text.
    const at = text.includes(" ") ? -1 : text.search(/\u202f\D+$/);
    const [number, unit] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
    // Mostly the number alone is another one: its text node stays.
    if (td.unit === unit) td.firstChild.data = number;
    else fill(td, number, unit && el("span.unit", unit));
    Object.assign(td, { shown: text, unit });
  }
  const is = text === "0" ? "zero" : text === "–" ? "none" : level;
  if (td.level !== is) set(td, { "data-level": (td.level = is) || null });
}

/**
 * A duration in a table of mixed ones: seconds are heavy and microseconds light, so that the magnitude is
 * seen.
 */
export function durationCell(td, seconds, level) {
  cell(td, duration(seconds), level);
  const size = seconds === null ? "" : magnitude(seconds);
  if (td.size !== size) set(td, { "data-size": (td.size = size) });
}

/** A number in the form of `format`: a duration with its weight, a zero of another kind without its unit. */
export function numberCell(td, number, format, level) {
  if (format === duration) durationCell(td, number, level);
  else cell(td, inCell(number, format), level);
}

/** The link of a row to a method; the row itself is the tab stop. */
export const rowLink = () => el("a", { tabindex: "-1" });

/** Makes the link of a row that of a method; cheap if it is. */
export function setRowLink(a, name) {
  if (a.shown !== (a.shown = name))
    set(a, { href: link("method", name), title: name, text: shownName(name) });
}

/** The screen of the method of a row. */
export const methodLink = ({ name }) => link("method", name);

/** The column of the methods' names. */
export const METHOD_COLUMN = {
  key: "name",
  title: "Method",
  stack: "name",
  up: true,
  sort: ({ name }) => name.toLowerCase(),
  make: rowLink,
  bind: (td, { name }) => setRowLink(td.firstChild, name),
};

const rowsAsObjects = new WeakMap();

/**
 * Rows of a table of the JSON as objects by the names of `cols`; the same object as long as a row is the
 * same.
 */
export const rowObjects = (cols, rows) =>
  rows.map(row => {
    let object = rowsAsObjects.get(row);
    if (!object) {
      rowsAsObjects.set(row, (object = {}));
      for (let at = 0; at < cols.length; at++) object[cols[at]] = row[at];
    }
    return object;
  });

/** The units that a filter understands, in seconds or as a share. */
const FILTER_UNITS = { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, "%": 0.01 };

/**
 * Reads what was typed into a filter: `spell >100ms` is `{ words: ["spell"], p99: 0.1, failed: -1 }`. All
 * words must occur; a duration is the least p99, `%` the least share that failed, -1 no bound.
 */
export function readFilter(text) {
  const filter = { words: [], p99: -1, failed: -1 };
  for (const word of text.toLowerCase().split(/\s+/)) {
    const [, number, unit] = /^>(\d*\.?\d+)(us|µs|ms|s|min|h|%)$/.exec(word) ?? [];
    if (number) filter[unit === "%" ? "failed" : "p99"] = number * FILTER_UNITS[unit];
    else if (word) filter.words.push(word);
  }
  return filter;
}

/**
 * Orders two values of a column: numbers by size, texts by their letters, and what is not known last in both
 * directions.
 */
export function compareValues(a, b, down) {
  const none = x => x == null || Number.isNaN(x);
  if (none(a) || none(b)) return none(a) - none(b);
  return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
}

/**
 * Builds a table: `{ node, draw(items, anew), key(event), inView(), close() }`. Options:
 * - name, label: its class, and its label for screen readers
 * - columns: { key, title, text(item), make(), bind(td, item, before, line), right, from, stack, sort(item),
 *   up, over, head() }. `text` is all that a cell has; else `make` gives what a new one has in it, and `bind`
 *   brings it up to date. `from` is the least width of the window, `up` that the first click sorts upwards,
 *   `over` a head above several columns, `head` nodes for `title`
 * - key(item): what an item is known by; its `id` if not given
 * - group(item): 0 comes first; divider(items of the others): the text of the line between, if there is one
 * - sort, then(item): the column at first ("-p99": descending), and the second order (descending)
 * - level(item): the tint of a row; open(item): the address it opens; kids(item): what is below it
 * - stackBelow, row: the width below which rows are stacked; heights of a row, wide and stacked
 * - filter: its hint; words(item): the text that it looks at, beside `p99` (or `age`) and `failed` of the
 *   item; shows: [[id, title, test(item), count()]], the first one is ["all", "All"]; note: what stands at
 *   the right. Their state is in the address
 * - none: texts before and after the words that nothing has, and of a button that leaves nothing; empty: that
 *   there is nothing
 * - viewed: whether the page is to be asked anew when other rows came into view
 */
export function makeTable({
  name,
  label,
  columns,
  key = item => item.id,
  group = () => 0,
  divider,
  sort: first = "",
  then = () => 0,
  level,
  open,
  kids,
  stackBelow = 760,
  row = [34, 52],
  filter,
  words: wordsOf,
  shows = [],
  note,
  none,
  empty = "",
  viewed,
}) {
  const spacer = () => el("tr.spacer", { "aria-hidden": "true" }, el("td"));
  const [widths, head, above, below] = [el("colgroup"), el("thead"), spacer(), spacer()];
  const body = el("tbody", above, below);
  const grid = el(
    "table",
    { class: `table ${name}`, "aria-label": label, role: kids && "treegrid", tabindex: "-1" },
    widths,
    head,
    body,
  );
  // Built once, so that its button keeps the focus from answer to answer; when it is used, the field has it.
  const emptyFilter = () => {
    change({ q: "", show: "all" });
    focusOn(field);
  };
  const blank = el("div.table-none", { hidden: true }, el("p"), button("", emptyFilter));
  const node = el("div", grid, blank);
  const state = { q: "", show: "all", sort: first };
  // Items; lines `{ id, item, group, depth, last, has, open }` or `{ id, divide }`, in order and by id; rows
  // of the lines in the document.
  let [all, lines, byId, rows] = [[], [], new Map(), []];
  // Columns that are seen, their heads, the height of a row; the ids of lines that are closed; the id of the
  // line with the tab stop.
  let [shown, heads, height, active, stop] = [[], [], 0, null, null];
  const closed = new Set();
  let orderedAt = -Infinity;
  let placed = [0, 0];

  // From so many lines on rows are virtual.
  const isVirtual = () => lines.length >= 200;
  const focused = () => document.activeElement;
  const activeRow = () => rows.find(({ line }) => line.id === active);
  const focusOn = target => target.focus({ preventScroll: true });
  const kindOf = ({ key: id, right, stack }) =>
    `c-${id}${right ? " right" : ""}${stack ? ` s-${stack}` : ""}`;

  /**
   * Builds the heads for the width of the window; rows of other columns go. True if there was something to
   * do.
   */
  function fitColumns() {
    const stacked = innerWidth < stackBelow;
    const fit = columns.filter(column => (stacked ? column.stack : innerWidth >= (column.from ?? 0)));
    if (fit.length === shown.length && height === row[+stacked]) return false;
    [shown, height] = [fit, row[+stacked]];
    grid.classList.toggle("stacked", stacked);
    grid.style.setProperty("--row", `${height}px`);
    for (const tr of rows) tr.remove();
    rows = [];
    for (const { firstChild } of [above, below]) set(firstChild, { colspan: shown.length });
    fill(
      widths,
      shown.map(column => el("col", { class: `c-${column.key}` })),
    );
    heads = shown.map(column => {
      const title = column.head?.() ?? column.title;
      const sorter =
        column.sort &&
        button(title, () => sortBy(column), { class: null }, el("span", { "aria-hidden": "true" }));
      return el(title ? "th" : "td", { class: kindOf(column), scope: title && "col" }, sorter || title);
    });
    const overs = [...new Set(shown.map(column => column.over))].map(over =>
      el(
        over ? "th" : "td",
        { colspan: shown.filter(column => column.over === over).length, scope: over && "colgroup" },
        over,
      ),
    );
    fill(head, overs.length > 1 && el("tr.over", overs), el("tr", heads));
    drawControls();
    return true;
  }

  const sortOf = () => [
    columns.find(column => column.sort && column.key === state.sort.replace(/^-/, "")),
    state.sort.startsWith("-"),
  ];

  function sortBy(column) {
    const [sorted, down] = sortOf();
    change({ sort: ((sorted === column ? !down : !column.up) ? "-" : "") + column.key });
  }

  /** Marks the head of the sorted column and the button that is pressed, and counts. */
  function drawControls() {
    const [sorted, down] = sortOf();
    shown.forEach((column, at) => {
      const is = column.sort && column === sorted;
      set(heads[at], { "aria-sort": is ? (down ? "descending" : "ascending") : null });
      if (column.sort) put(heads[at].firstChild.lastChild, is ? (down ? "▼" : "▲") : "");
    });
    shows.forEach(([id, , test, number], at) => {
      const n = number?.() ?? (test ? all.filter(test) : all).length;
      put(buttons[at].lastChild, count(n));
      set(buttons[at], { "aria-pressed": id === state.show, class: n ? "" : "zero" });
    });
  }

  /**
   * The items that filter and buttons leave, of a tree those with a line that fits; without both `all`
   * itself.
   */
  function fits() {
    const { words, p99, failed } = readFilter(state.q);
    const test = shows.find(([id]) => id === state.show)?.[2];
    if (!state.q.trim() && !test) return all;
    const fit = item =>
      ((!test || test(item)) &&
        (p99 < 0 || (item.p99 ?? item.age) > p99) &&
        (failed < 0 || item.failed > failed) &&
        words.every(word => wordsOf(item).toLowerCase().includes(word))) ||
      kids?.(item).some(fit);
    return all.filter(fit);
  }

  /**
   * Makes the lines. If they are to stay, new items come last in their group, and those that came into a
   * better one move up.
   */
  function order(still) {
    const fitting = fits();
    const grouped = fitting === all;
    const [column, down] = sortOf();
    const places = new Map(lines.map(({ id }, at) => [id, at]));
    const used = new Set();
    const roots = fitting.map(item => {
      // Names are cut, so that two items may have one key: both have a line.
      let id = key(item);
      while (used.has(id)) id = `${id}\u0000`;
      used.add(id);
      const own = grouped ? group(item) : 0;
      return {
        id,
        item,
        group: still ? Math.min(own, byId.get(id)?.group ?? own) : own,
        value: still ? places.get(id) : column?.sort(item),
        then: then(item),
      };
    });
    roots.sort(
      (a, b) =>
        a.group - b.group ||
        compareValues(a.value, b.value, down && !still) ||
        compareValues(a.then, b.then, true),
    );
    if (!still) orderedAt = performance.now();
    [lines, byId] = [[], new Map()];
    const add = (line, depth, last) => {
      const under = kids?.(line.item) ?? [];
      Object.assign(line, { depth, last, has: under.length > 0, open: !closed.has(line.id) });
      lines.push(line);
      byId.set(line.id, line);
      if (line.open)
        under.forEach((item, at) => add({ id: key(item), item }, depth + 1, at === under.length - 1));
    };
    roots.forEach((line, at) => {
      if (divider && at && line.group && !roots[at - 1].group)
        lines.push({ id: "divide", divide: divider(roots.slice(at).map(({ item }) => item)) });
      add(line, 0, true);
    });
  }

  /** The numbers of the first line in view and of the one after the last. */
  function view() {
    const { top } = body.getBoundingClientRect();
    return [Math.floor(-top / height), Math.ceil((innerHeight - top) / height)].map(at =>
      clamp(at, 0, lines.length),
    );
  }

  const makeRow = () =>
    el(
      "tr",
      { class: open && "opens", tabindex: "-1" },
      shown.map(column => el("td", { class: kindOf(column) }, column.make?.())),
    );
  const makeDivider = () => el("tr.divide", el("td", { colspan: shown.length }));

  function bindRow(tr, line, at) {
    set(tr, { "aria-rowindex": isVirtual() ? at + 2 : null });
    if (line.divide) return put(tr.firstChild, line.divide);
    set(tr, { "data-tint": level?.(line.item) || null });
    if (kids) set(tr, { "aria-level": line.depth + 1, "aria-expanded": line.has ? line.open : null });
    shown.forEach(({ text, bind }, place) => {
      const td = tr.children[place];
      if (text) cell(td, text(line.item));
      else bind(td, line.item, lines[at - 1]?.item, line);
    });
  }

  /**
   * Puts the rows of the lines `from` to `to` into the document, using the ones there. `anew`: all are bound,
   * else those that came.
   */
  function place(from, to, anew) {
    placed = [from, to];
    const wanted = lines.slice(from, to);
    const kept = new Map(rows.map(tr => [tr.line.id, tr]));
    const ids = new Set(wanted.map(line => line.id));
    let free = rows.filter(tr => !ids.has(tr.line.id));
    // If most rows are others, all are bound anew where they stand: that is cheaper than to move them.
    if (free.length * 2 > rows.length) {
      kept.clear();
      free = rows;
    }
    const had = rows.find(tr => tr.contains(focused()));
    if (free.includes(had)) focusOn(grid);
    // What goes is taken out first, so that the rows that stay need not move.
    for (const tr of free) if (free !== rows || tr.line.divide) tr.remove();
    const spare = free.filter(tr => !tr.line.divide);
    rows = wanted.map(
      line => kept.get(line.id) ?? (line.divide ? makeDivider() : (spare.shift() ?? makeRow())),
    );
    for (const tr of spare) tr.remove();
    let spot = above.nextSibling;
    rows.forEach((tr, at) => {
      if (tr === spot) spot = spot.nextSibling;
      else body.insertBefore(tr, spot);
      if (anew || tr.line?.id !== wanted[at].id) bindRow(tr, wanted[at], from + at);
      tr.line = wanted[at];
    });
    above.firstChild.style.setProperty("height", `${from * height}px`);
    below.firstChild.style.setProperty("height", `${(lines.length - to) * height}px`);
    giveStop();
    // A focused row that had to move has lost the focus; one that came back gets it again.
    const tr = activeRow();
    if (tr && (had === tr ? !tr.contains(focused()) : focused() === grid)) focusOn(tr);
  }

  /** One row is the tab stop: the active one, or if it is not here the first. */
  function giveStop() {
    if (stop) set(stop, { tabindex: "-1" });
    stop = activeRow() ?? rows.find(({ line }) => !line.divide);
    if (stop) set(stop, { tabindex: "0" });
  }

  function paint(anew, margin = SPARE_ROWS) {
    const { length } = lines;
    set(grid, { "aria-rowcount": isVirtual() ? length + 1 : null, hidden: !length });
    set(blank, { hidden: length > 0 });
    if (!length) {
      const q = all.length > 0 && state.q.trim();
      refill(blank.firstChild, !all.length ? empty : q ? [none[0], el("code", q), none[1]] : none[2]);
      put(set(blank.lastChild, { hidden: !all.length }), q ? "Empty the filter" : "Show all");
    }
    const [from, to] = isVirtual() ? view() : [0, length];
    place(Math.max(0, from - margin), Math.min(length, to + margin), anew);
  }

  /** Brings all up to date; `still`: lines stay where they are. */
  function update(still) {
    drawControls();
    order(still);
    paint(true);
  }

  const field =
    filter &&
    el("input", {
      type: "search",
      placeholder: filter,
      "aria-label": filter,
      autocomplete: "off",
      spellcheck: "false",
    });
  const buttons = shows.map(([show, title]) => button(`${title} `, () => change({ show }), {}, el("span.n")));
  let [saying, scrolling, viewing] = [0, 0, 0];
  if (filter) {
    node.prepend(
      el(
        "div.filter",
        field,
        el("kbd", { "aria-hidden": "true" }, "/"),
        el("div", { role: "group", "aria-label": "Show", class: "shows" }, buttons),
        el("p.note", note),
      ),
    );
    for (const [name, value] of page.address.params) if (name in state) state[name] = value;
    if (!sortOf()[0]) state.sort = first;
    if (!shows.some(([id]) => id === state.show)) state.show = "all";
    field.value = state.q;
    field.addEventListener("input", () => change({ q: field.value }));
  }

  function change(to) {
    Object.assign(state, to);
    if (filter) {
      const { q, show, sort } = state;
      replaceAddress({ q, show: show === "all" ? "" : show, sort: sort === first ? "" : sort });
      if (field.value !== state.q) field.value = state.q;
      clearTimeout(saying);
      saying = setTimeout(() => say(`${count(fits().length)} of ${count(all.length)}`), 500);
    }
    update(false);
    looked();
  }

  /** Opens what a line leads to, or closes and opens what is below it. */
  function enter(line) {
    const href = open?.(line.item);
    if (href) location.hash = href;
    else if (line.has) toggle(line);
    return true;
  }

  function toggle({ id }) {
    if (!closed.delete(id)) closed.add(id);
    update(true);
    return true;
  }

  /** Makes the line `step` lines from the active one the active one, and brings it into view. */
  function move(step) {
    const at = lines.indexOf(byId.get(active));
    let to = clamp(at < 0 && step < lines.length ? 0 : at + step, 0, lines.length - 1);
    if (lines[to].divide) to += Math.sign(step);
    active = lines[to].id;
    if (!activeRow()) {
      scrollBy(0, body.getBoundingClientRect().top + (to + 0.5) * height - innerHeight / 2);
      paint(false);
    }
    focusOn(activeRow());
    activeRow().scrollIntoView({ block: "nearest" });
    return true;
  }

  /** Uses a key; true if it did. `j` and `k` begin from anywhere, the other keys work in the table. */
  function press({ key: pressed }) {
    if (pressed === "Escape" && state.q) return (change({ q: "" }), true);
    const leaf = Math.max(1, Math.floor(innerHeight / height) - 2);
    const steps = {
      j: 1,
      k: -1,
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: leaf,
      PageUp: -leaf,
      Home: -1e9,
      End: 1e9,
    };
    const step = steps[pressed];
    const isInside = body.contains(focused()) || focused() === grid;
    if (step && lines.length && (isInside || pressed === "j" || pressed === "k")) return move(step);
    const line = isInside && byId.get(active);
    if (!line) return false;
    if (pressed === "Enter") return focused().matches("a, button") ? false : enter(line);
    if (pressed === (line.open ? "ArrowLeft" : "ArrowRight") && line.has) return toggle(line);
    if (pressed !== "ArrowLeft" || !line.depth) return false;
    const at = lines.indexOf(line);
    return move(lines.findLastIndex((other, place) => place < at && other.depth < line.depth) - at);
  }

  body.addEventListener("click", ({ target }) => {
    const { line } = target.closest("tr");
    if (!line?.item || target.closest("a, button") || String(getSelection())) return;
    active = line.id;
    enter(line);
  });
  body.addEventListener("focusin", ({ target }) => {
    active = target.closest("tr").line.id;
    giveStop();
  });

  function looked() {
    clearTimeout(viewing);
    if (viewed) viewing = setTimeout(refresh, 100);
  }
  function scrolled() {
    looked();
    scrolling ||= requestAnimationFrame(() => {
      scrolling = 0;
      if (!isVirtual()) return;
      // After a jump all rows are others: those in view now, those around them in a task of their own.
      const [from, to] = view();
      const isJump = from >= placed[1] || to <= placed[0];
      paint(false, isJump ? 1 : SPARE_ROWS);
      if (isJump) setTimeout(() => paint(false));
    });
  }
  function resized() {
    if (fitColumns()) paint(true);
    else scrolled();
  }
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("resize", resized);
  fitColumns();

  return {
    node,
    /** Brings the table up to date with all its items; `anew`: they are others, which are ordered at once. */
    draw(items, anew) {
      all = items;
      // An order holds for 10 s, and while the pointer or the focus is here.
      const isNew = performance.now() - orderedAt < 10000;
      update(!anew && lines.length > 0 && (isNew || body.matches(":hover") || body.contains(focused())));
    },
    /** Uses a key of the keyboard; true if it did. */
    key: press,
    /** The items in view, and some on each side: at most 60. */
    inView() {
      const [from, to] = view();
      const near = lines.slice(Math.max(0, from - SPARE_ROWS), to + SPARE_ROWS);
      return near.slice(0, 60).flatMap(({ item }) => item ?? []);
    },
    close() {
      removeEventListener("scroll", scrolled);
      removeEventListener("resize", resized);
      clearTimeout(viewing);
      clearTimeout(saying);
    },
  };
}
