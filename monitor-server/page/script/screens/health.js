/*
 * The screen Health: what a probe is answered, each check and task type with its lane of the range, and the
 * changes of status. Whether a part is healthy is the `status` of the JSON; the page puts those that are not
 * UP first.
 *
 * All lanes have one axis of time, which stands in the head of each table. Both tables have the same columns,
 * so that their axes lie below each other.
 */
import { axisTicks } from "../axis.js";
import {
  button,
  el,
  keep,
  mark,
  markOfStatus,
  onResize,
  put,
  refill,
  set,
  setMark,
  shownName,
  svg,
} from "../element.js";
import { isFlapping, lane } from "../lane.js";
import { age, count, counted } from "../numbers.js";
import { drawTexts } from "../plot.js";
import { page, RANGES } from "../source.js";
import { cell, makeTable } from "../table.js";
import { dayTime, sinceText } from "../time.js";
import { richSentence } from "../verdict.js";

/** Task types that were not DOWN and are shown before the button for the rest. */
const HEALTH_MOST = 6;

/** The kind of the mark of a status; a `level` of the JSON goes before it. */
const healthMark = (status, level) => (level && level !== "info" ? level : markOfStatus(status));

/** A status as its mark and its word. */
const makeStatus = () => el("span.health-status", mark(), el("span"));

function bindStatus({ firstChild: node }, { status, level }) {
  const kind = healthMark(status, level);
  setMark(node.firstChild, kind);
  set(node.lastChild, { text: status, class: kind === "bad" || kind === "warn" ? kind : null });
}

/** Writes a name, which is whole in the title. */
const bindName = (td, { name }) => cell(set(td, { title: name }), shownName(name));

/**
 * What is known of how a check is asked: "asked 4.1 s ago, every 10 s, at most 2.0 s; does not count for
 * readiness".
 */
function checkAsked({ age: since, interval, timeout, ready }) {
  const asked = [
    ["asked", since, " ago"],
    ["every", interval, ""],
    ["at most", timeout, ""],
  ]
    .filter(([, seconds]) => seconds != null)
    .map(([word, seconds, end]) => `${word} ${age(seconds)}${end}`);
  const counts = `${ready ? "counts" : "does not count"} for readiness`;
  return asked.length ? `${asked.join(", ")}; ${counts}` : counts;
}

/** The output of a check, and below it how it is asked. */
const CHECK_WORDS = {
  title: "Why",
  make: () => [el("div"), el("div.health-small")],
  bind(td, check) {
    put(td.firstChild, check.output);
    put(td.lastChild, checkAsked(check));
  },
};

/** Why a task type is DOWN; else the run of one status, and from where on that is unhealthy. */
const TASK_WORDS = {
  title: "Run of one status, or why it is DOWN",
  make: () => el("div"),
  bind(td, { run, code, threshold, flaps, ready, why }) {
    const limit = threshold === null ? ", no threshold" : ` in a row, unhealthy from ${count(threshold)} on`;
    refill(
      set(td.firstChild, { class: why ? null : "health-run" }),
      why
        ? richSentence(why)
        : run === null
          ? "no call yet"
          : [count(run), " \u00d7 ", el("code", code), limit],
      isFlapping(flaps) && `; flaps, ${count(flaps)} changes`,
      ready && "; counts for readiness",
    );
  },
};

/**
 * The text in a bar: how long it was DOWN. The last one began at `since`, which may be before the axis
 * begins.
 */
function barWords(piece, part, from, to) {
  const begin = piece.end >= to && piece.changes === 1 && part.since !== null ? part.since : piece.begin;
  if (begin <= from && begin === piece.begin) return "DOWN";
  return `${isFlapping(piece.changes) ? "flaps" : "DOWN"} ${age(piece.end - begin)}`;
}

/**
 * The task types as `{ task, rank }`: those that are DOWN, those that were within the range, those that are
 * UP (2), and those of which nothing is known. Within a rank they stay as they come.
 */
export function healthOrder(tasks) {
  const was = task => task.spans.some(([, status]) => status === "DOWN");
  const rank = task => (task.status === "DOWN" ? 0 : was(task) ? 1 : task.status === "UP" ? 2 : 3);
  return tasks.map(task => ({ task, rank: rank(task) })).sort((a, b) => a.rank - b.rank);
}

/**
 * A table whose first columns are a name, a status, since when it is, and `words`. `titles` are the heads of
 * three of them, `more` further columns.
 */
const healthTable = (titles, words, more, options) =>
  makeTable({
    name: "health",
    stackBelow: 1000,
    columns: [
      { key: "name", title: titles[0], stack: "name", bind: bindName },
      { key: "status", title: titles[1], stack: "status", make: makeStatus, bind: bindStatus },
      { key: "since", title: titles[2], right: true, stack: "since", text: ({ since }) => sinceText(since) },
      { key: "words", stack: "words", ...words },
      ...more,
    ],
    ...options,
  });

/**
 * A section with the table of checks or of task types: `{ node, table, draw(parts, answer) }`. `words` is
 * the column between status and lane. The axis stands in the head of the table, and once more above it for
 * stacked rows.
 */
function makeHealthPart(title, one, words, empty) {
  const axes = [0, 1].map(() => svg("svg.health-axis", { height: 16 }));
  let view = null;
  const makeLane = () => {
    const { node, draw } = lane();
    return Object.assign(svg("svg.health-lane", { height: 18 }, node), { drawLane: draw });
  };
  const bindLane = ({ firstChild: node }, part) =>
    node.drawLane(part.spans, { ...view, y: 9, text: piece => barWords(piece, part, view.from, view.to) });
  const overTime = {
    key: "lane",
    head: () => [axes[0], el("span.hidden", "Over time")],
    stack: "lane",
    make: makeLane,
    bind: bindLane,
  };
  const table = healthTable([one, "Status", "Since"], words, [overTime], {
    label: title,
    key: part => part.name,
    empty,
    row: [34, 74],
    group: part => (part.status === "DOWN" ? 0 : 1),
    level: part => ({ bad: "bad", warn: "warn" })[healthMark(part.status, part.level)],
  });
  return {
    node: el("section.health-part", el("h2", title), axes[1], table.node),
    table,
    draw(parts, answer) {
      const width = Math.max(
        ...axes.map(axis => axis.clientWidth),
        table.node.querySelector(".health-lane")?.clientWidth ?? 0,
      );
      const [from, to] = [answer.now - RANGES[page.range], answer.now];
      const x = t => ((t - from) / (to - from)) * width;
      view = { from, to, x };
      table.draw(parts);
      for (const axis of axes) {
        // The last label is of now; no other one is near an end.
        const ticks = axisTicks(from, to, width < 480).filter(([t]) => x(t) >= 24 && x(t) <= width - 60);
        const tick = ([t, text]) => ({ x: x(t), y: 12, text, end: "middle" });
        drawTexts(axis, [...ticks.map(tick), { x: width, y: 12, text: dayTime(to).slice(0, 5), end: "end" }]);
      }
    },
  };
}

/** Why something changed, where that is known. */
const CHANGE_WORDS = { title: "Why", bind: (td, { why }) => refill(td, richSentence(why ?? "\u2013")) };

/** The section of the changes of status, the newest first. */
function makeChanges() {
  const title = "Changes of status";
  const table = healthTable(["What", "To", "When"], CHANGE_WORDS, [], {
    name: "health health-changes",
    label: title,
    key: change => `${change.since} ${change.name}`,
    row: [34, 56],
    empty: "No status changed within the range.",
  });
  return { node: el("section.health-part", el("h2", title), table.node), table };
}

/** A probe: its path, its code and word, and why. */
const makeProbe = ({ path }) =>
  el("div.health-probe", el("h2", el("code", path)), el("p", mark(), el("b"), el("span")), el("p"));

function bindProbe({ childNodes: [, line, reason] }, { code, level, word, why, since }) {
  const [shape, number, text] = line.childNodes;
  setMark(shape, level ?? (code === 200 ? "ok" : "bad"));
  put(number, code);
  put(text, word);
  put(reason, why ?? (since === null ? "" : `since ${sinceText(since)}`));
}

/**
 * The service's own groups in one line: path, status, members. Those that every service has are the probes.
 */
function drawGroups(node, groups) {
  const own = Object.entries(groups ?? {}).filter(([, { members }]) => members.length);
  set(node, { hidden: !own.length });
  keep(
    node,
    own,
    ([name]) => name,
    ([name]) => el("p", el("code", `/health/${name}`), el("span", makeStatus()), el("span")),
    ({ childNodes: [, status, members] }, [, group]) => {
      bindStatus(status, { status: group.status ?? "UNKNOWN" });
      put(members, group.members.join(", "));
    },
  );
}

/** The screen Health. */
export const healthScreen = {
  path: () => `health?range=${page.range}`,
  open(main) {
    const [probes, groups] = [el("div.health-probes"), el("div.health-groups")];
    const checks = makeHealthPart("Checks", "Check", CHECK_WORDS, "There are no checks.");
    const tasks = makeHealthPart("Task types", "Task type", TASK_WORDS, "No task type has a status yet.");
    const changes = makeChanges();
    const parts = [checks, tasks, changes];
    let [isOpen, answer] = [false, null];
    const toggle = () => {
      isOpen = !isOpen;
      drawTasks();
    };
    const more = button("", toggle, { class: "plain health-more" });
    tasks.node.append(more);
    main.append(probes, groups, ...parts.map(part => part.node));

    function drawTasks() {
      const order = healthOrder(answer.tasks);
      const unhealthy = order.filter(({ rank }) => rank < 2).length;
      const left = Math.max(0, order.length - unhealthy - HEALTH_MOST);
      tasks.draw(
        order.slice(0, isOpen ? order.length : order.length - left).map(({ task }) => task),
        answer,
      );
      put(more, isOpen ? "Fewer task types" : `${counted(left, "more task type")}, none was DOWN`);
      set(more, { hidden: !left, "aria-expanded": isOpen });
    }

    function draw(whole) {
      answer = whole;
      keep(probes, whole.probes, probe => probe.path, makeProbe, bindProbe);
      drawGroups(groups, whole.groups);
      checks.draw(whole.checks, whole);
      drawTasks();
      // The newest is the first one at once, wherever the pointer is.
      changes.table.draw(
        whole.history.map(change => ({ ...change, status: change.to, since: change.t })),
        true,
      );
    }
    const unwatch = onResize(() => answer && draw(answer), main);
    return {
      draw,
      // The table that has the focus takes the key, else the first one that has rows.
      key: event =>
        [...parts]
          .sort((a, b) => b.node.matches(":focus-within") - a.node.matches(":focus-within"))
          .some(part => part.table.key(event)),
      close() {
        unwatch();
        for (const part of parts) part.table.close();
      },
    };
  },
};
