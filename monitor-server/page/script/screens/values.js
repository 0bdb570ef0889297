/*
 * The screen Values: numbers that the service records itself.
 *
 * Above, how many series each family has of those that it may have, as a label with too many values is the
 * usual way to lose numbers. Below, a row a series. No history is kept of values, so there are no curves.
 *
 * A service can have thousands of series: then they are asked for every 10 s, not every 2 s.
 */
import { el, fill, keep, mark, put, set, setMark, svg } from "../element.js";
import { bytes, count, duration, rate, share } from "../numbers.js";
import { page } from "../source.js";
import { cell, makeTable, rowObjects } from "../table.js";

/** A number of a family with this unit: `17.2 GiB`, `4.1 ms`, `64 %`, else a count. */
export function valueText(number, unit) {
  if (number === null) return "–";
  if (number < 0) return `−${valueText(-number, unit)}`;
  // A unit is any text of the service, also one such as `constructor`.
  const formats = { __proto__: null, bytes, seconds: duration, ratio: share };
  return (formats[unit] ?? (Number.isInteger(number) || number >= 1000 ? count : String))(number);
}

/** Labels as they stand on `/metrics`: `route="analyse"`. */
export const labelsText = labels =>
  Object.entries(labels ?? {})
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");

/** Families whose budget has a line: those beyond it, then the nearest to it. */
const MOST_BUDGETS = 10;

const familyLine = () =>
  el(
    "li",
    mark(),
    el("code"),
    svg(
      "svg",
      { width: "100%", height: 8 },
      svg("rect.budget-ground", { width: "100%", height: 8 }),
      svg("rect.budget", { height: 8 }),
    ),
    el("span.right"),
    el("span.small"),
    el("p"),
  );

/** One family's budget as a line. */
function drawFamily(line, { name, series, max, overflow, label, level }) {
  const [icon, code, bar, number, limit, text] = line.children;
  setMark(icon, level, overflow === null ? "within its limit" : "over its limit");
  set(line, { "data-level": level });
  set(code, { text: name, title: name });
  set(bar.lastChild, { width: `${Math.min(100, (100 * series) / max).toFixed(2)}%` });
  put(number, count(series));
  put(limit, `of ${count(max)}`);
  fill(
    text,
    overflow !== null && [
      el("strong", count(overflow)),
      " went to ",
      el("code", 'overflow="true"'),
      ".",
      label && [" Label ", el("code", label), " has the most values."],
    ],
  );
}

/** When values were drawn, and how many. */
let valuesSeen = { at: 0, rows: 0 };

export const valuesScreen = {
  // A file is not asked again: its values are there at once or not at all.
  path: () =>
    !page.file && valuesSeen.rows > 400 && performance.now() - valuesSeen.at < 9500 ? null : "values",

  open(main) {
    valuesSeen.rows = 0;
    let over = new Map();
    const [list, limit, rest, left] = [el("ul"), el("span.small"), el("p.small"), el("p.small")];
    const budget = el(
      "section.values-budget",
      el("header", el("h2", "Series budget of families made at run time"), limit),
      list,
      rest,
    );
    const levelOf = ({ family, labels }) => labels?.overflow === "true" && over.get(family);
    const labelsOf = ({ labels }) => labelsText(labels);
    const make = () => el("code");
    const table = makeTable({
      name: "values",
      label: "Values",
      row: [30, 52],
      stackBelow: 860,
      key: value => `${value.family}\n${labelsOf(value)}`,
      level: levelOf,
      // The series of all further label sets is the first one of its family.
      sort: "family",
      then: value => (levelOf(value) ? Infinity : (value.rate ?? value.value)),
      filter: "Filter by name or label",
      words: value => `${value.family} ${labelsOf(value)}`,
      shows: [
        ["all", "All"],
        ...Object.entries({
          counter: "Counters",
          gauge: "Gauges",
          histogram: "Histograms",
          summary: "Summaries",
          number: "Numbers",
        }).map(([kind, title]) => [kind, title, ({ type }) => type === kind]),
      ],
      note: "sorted by family, then by rate; rates are means since the start",
      none: ["No value has ", " in its name or labels.", "No value is of this type."],
      empty: "This service records no values of its own.",
      columns: [
        // Families that are over their limit come first.
        {
          key: "family",
          title: "Family",
          stack: "name",
          up: true,
          sort: ({ family }) => (over.has(family) ? " " : "~") + family,
          make,
          bind: (td, { family }, before) =>
            set(td.firstChild, { text: family, title: family, class: before?.family === family && "again" }),
        },
        {
          key: "labels",
          title: "Labels",
          stack: "second",
          up: true,
          sort: labelsOf,
          make,
          bind(td, value) {
            const text = labelsOf(value);
            set(td.firstChild, { text: text || "–", title: text });
          },
        },
        { key: "type", title: "Type", from: 1080, bind: (td, { type }) => put(td, type) },
        {
          key: "value",
          title: "Value",
          right: true,
          stack: "figure",
          sort: ({ value }) => value,
          bind(td, { value, p50, p99, unit, type }) {
            cell(
              td,
              p50 === null
                ? valueText(value, type === "histogram" ? "" : unit)
                : `p50 ${valueText(p50, unit)}, p99 ${valueText(p99, unit)}`,
            );
            set(td, { title: value });
          },
        },
        {
          key: "rate",
          title: "Mean rate",
          right: true,
          sort: value => value.rate,
          text: value =>
            value.rate !== null && value.unit === "bytes" ? `${bytes(value.rate)}/s` : rate(value.rate),
        },
      ],
    });
    main.append(budget, table.node, left);
    return {
      ...table,
      draw(answer) {
        if (!answer) return;
        valuesSeen = { at: performance.now(), rows: answer.rows.length };
        over = new Map(
          answer.families
            .filter(family => family.overflow !== null)
            .map(family => [family.name, family.level]),
        );
        const limited = answer.families
          .filter(family => family.max !== null)
          .sort((a, b) => over.has(b.name) - over.has(a.name) || b.series / b.max - a.series / a.max);
        keep(list, limited.slice(0, MOST_BUDGETS), ({ name }) => name, familyLine, drawFamily);
        const further = limited.length - MOST_BUDGETS;
        put(rest, further > 0 ? `and ${count(further)} more` : "");
        const limits = new Set(limited.map(({ max }) => max));
        fill(
          limit,
          limits.size === 1 && ["limit ", el("code", "max_series"), ` ${count([...limits][0])} a family`],
        );
        set(budget, { hidden: !limited.length });
        table.draw(rowObjects(answer.cols, answer.rows));
        put(left, answer.left ? `${count(answer.left)} more values are not here.` : "");
      },
    };
  },
};
