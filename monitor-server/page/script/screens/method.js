/*
 * The screen of one method: six numbers beside what is usual, what happened in the range on one axis of time,
 * the last calls one by one, error texts, where it is recorded, its callers and the methods it calls, and
 * queries for Prometheus.
 *
 * A part whose data are missing is not there: an old snapshot file, or one that has only the row of the
 * method, shows the rest. Names and texts are hostile: they are set as text, isolated from the direction of
 * writing around them, and broken anywhere.
 */
import { link, screenLink } from "../address.js";
import { copyText } from "../dialog.js";
import { button, el, fill, keep, put, refill, set, shownName } from "../element.js";
import { heatRow, outcomeRow } from "../heat.js";
import { age, count, duration, inCell, rate, share } from "../numbers.js";
import { axisRow, eventRow, plotStack } from "../plot.js";
import { lastCalls } from "../small.js";
import { page } from "../source.js";
import { makeTable, rowObjects } from "../table.js";
import { clockTime } from "../time.js";
import { drawChange, methodState } from "./methods.js";
import { flightRow, nowNumber } from "./now.js";

/** The six numbers, by their names in the JSON. */
const METHOD_NUMBERS = {
  rate: "Calls",
  failed: "Failed",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  in_flight: "In flight",
};

/** One of the six numbers, with its usual range, and the mark of a number that left it. */
function methodNumber([key, title]) {
  const [usual, oldest] = [el("span"), el("b")];
  const { nodes, draw } = nowNumber(key, usual);
  const value = el("dd", nodes);
  return {
    node: el("div", el("dt", title), value, el("dd.small", usual, oldest)),
    draw(numbers, ranges, levels) {
      const old = key === "in_flight" && numbers.oldest > 0 ? `oldest ${age(numbers.oldest)}` : "";
      draw(numbers, ranges, levels, old && ", ");
      set(value, { class: `method-value ${levels?.[key] ?? ""}` });
      put(set(oldest, { class: levels?.oldest ?? "method-oldest" }), old);
    },
  };
}

/**
 * A section: heading, what stands right of it, and `content`. `drawItems(items, note)` is called with what
 * the JSON has of it; without data the section is hidden.
 */
function methodPart(title, content, drawItems, close) {
  const note = el("span.small");
  const node = el("section.method-part", el("h2", title, note), content);
  const draw = items => {
    set(node, { hidden: !items?.length });
    if (items?.length) drawItems(items, note);
  };
  return { node, draw, close };
}

/** Error texts, the newest first, each with its causes. */
function methodTexts() {
  const list = el("ol.method-texts");
  const because = text => el("p.method-cause", "because: ", el("span", text));
  const make = ({ text, type, cause = [] }) =>
    el(
      "li",
      el("b"),
      el("div", el("p", text), cause.map(because), el("p.small", el("code", type), " ", el("span"))),
    );
  const bind = (item, { count: n, first, last }) => {
    put(item.firstChild, count(n));
    put(item.lastChild.lastChild.lastChild, [...new Set([clockTime(first), clockTime(last)])].join(" – "));
  };
  return methodPart("Last error texts", list, (texts, note) => {
    put(note, `since ${clockTime(Math.min(...texts.map(text => text.first)))}`);
    keep(list, texts, ({ type, text, cause }) => JSON.stringify([type, text, cause]), make, bind);
  });
}

/**
 * A section with a small table. Columns are `[field, head, text(item)]`, the first one at the left; the text
 * of that is the key of the row. Without `text` it is the field itself. `open(item)` is where it leads, or
 * null. `drawItems` may pass other items on.
 */
function methodTable(title, kind, columns, drawItems, open = () => null) {
  const textOf = ([field, , text]) => text ?? (item => item[field]);
  const first = textOf(columns[0]);
  const name = {
    make: () => el("a"),
    bind: ({ firstChild: a }, item) =>
      set(a, { href: open(item), title: first(item), text: shownName(first(item)) }),
  };
  const table = makeTable({
    name: kind,
    label: title,
    key: first,
    open,
    stackBelow: 0,
    row: [28, 28],
    columns: columns.map((column, i) => ({
      key: column[0],
      title: column[1],
      right: i > 0,
      ...(i ? { text: textOf(column) } : name),
    })),
  });
  const draw = (items, note) => table.draw(drawItems(items, note) ?? items);
  return methodPart(title, table.node, draw, table.close);
}

const failedCell = ({ failed }) => inCell(failed, share);

/** The callers of the method, or the methods that it calls. */
const methodEdges = (title, head) =>
  methodTable(
    title,
    "edges",
    [
      ["name", head, edge => edge.name ?? "entry calls"],
      ["rate", "Calls", edge => rate(edge.rate)],
      ["failed", "Failed", failedCell],
    ],
    (_, note) => void put(note, "of the last 30 s"),
    ({ name }) => (name === null ? null : screenLink("method", name)),
  );

/** Where it is recorded. */
const methodSites = () =>
  methodTable(
    "Recorded at",
    "sites",
    [
      ["file", "File and line"],
      ["kind", "Kind"],
      ["calls", "Calls", site => count(site.calls)],
    ],
    (_, note) => void put(note, "since the start"),
  );

/** The label sets with the most calls; a select leaves those with one label alone. */
function methodLabels() {
  const labelsOf = row => row.set.map(([name, value]) => `${name}="${value}"`);
  const select = el("select", { "aria-label": "Label sets", on: { change: () => part.draw(shown) } });
  let [shown, known] = [[], ""];
  const columns = [
    ["set", "Labels", row => labelsOf(row).join(", ")],
    ["rate", "Calls", row => rate(row.rate)],
    ["failed", "Failed", failedCell],
    ["p99", "p99", row => duration(row.p99)],
  ];
  const part = methodTable("Label sets", "labels", columns, (rows, note) => {
    shown = rows;
    const labels = [...new Set(rows.flatMap(labelsOf))].sort();
    if (known !== (known = String(labels))) {
      const chosen = select.value;
      const option = value => el("option", { value, selected: value === chosen }, value || "all label sets");
      fill(select, ["", ...labels].map(option));
      fill(note, select, " since the start");
    }
    return rows.filter(row => !select.value || labelsOf(row).includes(select.value));
  });
  return part;
}

/** Queries for Prometheus, each with a button that copies it. */
function methodQueries() {
  const list = el("div.method-queries");
  // In a query signs that turn the direction of writing are written as PromQL can have them, too.
  const shownSign = sign => `\\u${sign.charCodeAt().toString(16)}`;
  const make = ({ title, query: raw }) => {
    const query = raw.replace(/[\u202a-\u202e\u2066-\u2069]/g, shownSign);
    const copy = button("Copy", () => copyText(query, copy), { "aria-label": `Copy: ${title}` });
    return el("div", el("h3", title.replace(/^f/, "F"), copy), el("pre", query));
  };
  return methodPart("PromQL", list, queries => keep(list, queries, ({ query }) => query, make));
}

/** The row of calls in flight: in the answer of a method they are a series of their own. */
const methodFlight = () =>
  flightRow({
    head: el("h2", "In flight"),
    heights: [104, 94],
    pad: [24, 24],
    pick: ({ in_flight: { t0, step, series }, usual }) => ({
      t0,
      step,
      series: { in_flight: series },
      usual,
    }),
  });

/** The last calls with how many of them failed, as a section. */
function methodCalls() {
  const calls = lastCalls();
  let written = "";
  const { node, draw, close } = methodPart(
    "Last 100 calls",
    calls.node,
    ([list, types = [], usual], note) => {
      const expected = new Set(types.filter(type => !type[1]).map(([type]) => type));
      const kinds = { failed: 0, expected: 0, cancelled: 0, succeeded: 0 };
      for (const [, , type] of list) {
        const calm = type === "cancelled" ? type : "expected";
        kinds[type === null ? "succeeded" : expected.has(type) ? calm : "failed"] += 1;
      }
      const said = Object.entries(kinds).flatMap(([kind, n]) => (n ? `${n} ${kind}` : []));
      if (written !== (written = said.join(", ") || "none yet")) {
        const failed = kinds.failed > 0 && [el("b.bad", said.shift()), said.length ? ", " : ""];
        fill(note, failed, failed ? said.join(", ") : written);
      }
      set(calls.node, { hidden: !list.length });
      if (list.length) calls.draw(list, usual, expected);
    },
    calls.close,
  );
  return {
    node,
    close,
    draw: ({ calls: list, outcomes, usual }) => draw(list && [list, outcomes?.types, usual]),
  };
}

export const methodScreen = {
  path: address => `methods/${encodeURIComponent(address.name)}?range=${page.range}`,
  open(main) {
    const { name } = page.address;
    const [about, change] = [el("p.method-about"), el("p")];
    const partial = el(
      "p.small",
      { hidden: true },
      "The file has details of 15 min, of the methods that changed most and of the busiest; not of this.",
    );
    const numbers = Object.entries(METHOD_NUMBERS).map(methodNumber);
    const rows = [eventRow(), heatRow(), outcomeRow(), methodFlight(), axisRow()];
    const stack = plotStack(rows);
    const plots = el("div.method-plots", stack.node);
    // Parts by the name of what they show; the last calls need more of the answer than that.
    const calls = methodCalls();
    const side = {
      texts: methodTexts(),
      sites: methodSites(),
      callers: methodEdges("Called by", "Caller"),
      callees: methodEdges("Calls", "Method"),
    };
    const rest = { promql: methodQueries(), labels: methodLabels() };
    const parts = Object.entries({ ...side, ...rest });
    const nodesOf = list => Object.values(list).map(({ node }) => node);
    main.append(
      el(
        "div.method-head",
        el("h1", shownName(name)),
        change,
        about,
        el("a.button", { href: link("methods") }, "All methods ", el("kbd", "Esc")),
        partial,
      ),
      el("dl.method-numbers", nodesOf(numbers)),
      el(
        "div.method-columns",
        plots,
        el("div.method-side", calls.node, nodesOf(side)),
        el("div.method-rest", nodesOf(rest)),
      ),
    );

    function drawAbout({ sites: places = [], task, usual }) {
      const [first] = places;
      const more = places.length > 1 ? ` and ${places.length - 1} more` : ` · ${first?.kind}`;
      const place = first ? [el("code", first.file), more] : "call API";
      refill(
        about,
        place,
        task && [" · task type ", el("span", task)],
        !usual && " · usual: not known yet",
      );
    }

    function draw(answer) {
      const { heat, outcomes, events = [] } = answer;
      set(partial, { hidden: Boolean(outcomes) });
      if (outcomes) drawAbout(answer);
      const [cells] = rowObjects(answer.cols, [answer.row]);
      drawChange(change, cells);
      set(change, { class: methodState(cells)[1], hidden: !change.textContent });
      for (const number of numbers) number.draw(cells, answer.usual, answer.level ?? cells.level);
      set(plots, { hidden: !heat || !outcomes });
      if (heat && outcomes) {
        const { t0, step, series } = outcomes;
        stack.draw({ ...answer, t0, step, slots: series.succeeded.length, events });
      }
      calls.draw(answer);
      for (const [field, part] of parts) part.draw(answer[field]);
    }

    /** A file has the rows of all methods, but the details of some only: without them the row is shown. */
    function fail({ status }) {
      const { cols, rows: all = [], usual } = page.file?.methods ?? {};
      const row = status === 404 && all.find(cells => cells[1] === name);
      const ranges = usual?.rows.filter(cells => cells[0] === row?.[0]) ?? [];
      if (row) draw({ cols, row, usual: rowObjects(usual?.cols, ranges)[0] });
      return Boolean(row);
    }

    return {
      draw,
      fail,
      key: stack.key,
      close() {
        for (const part of [stack, calls, ...parts.map(([, one]) => one)]) part.close?.();
      },
    };
  },
};
