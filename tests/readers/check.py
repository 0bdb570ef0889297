"""Reads pages with prometheus_client's parsers and compares their results with the source of each page.

    check.py FOLDER...

Every *.json file in the folders is a case: the families, the names asked for where the page is a part of one, and the
page in both formats, line by line. The cases checked in are monitor-core/tests/data/exposition; monitor-core's unit tests
write every page they make where MONITOR_PAGES says. This says which samples a page must have on its own, without the
encoder: names, labels, values to the last bit, types, help texts, units and exemplars.
"""

import json
import math
import struct
import sys
from pathlib import Path

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

FORMATS = {"text": text, "openmetrics": openmetrics}


class Fault(Exception):
    """A page that differs from its source."""


def number(value):
    """A number of a case; JSON has no infinities and no NaN."""
    return float(value)


def bits(value):
    return "nan" if math.isnan(value) else struct.pack(">d", value)


def bound(value):
    """A bound or quantile as a label: compared as a number, because its text is the encoder's own affair."""
    return ("number", bits(value))


def series(name, labels, more=()):
    return (name, frozenset([*labels.items(), *more]))


def samples_of(family):
    """The samples of a family: (name, labels) to (value, exemplar, milliseconds)."""
    name, found = family["name"], {}
    for child in family["children"]:
        labels, value = child.get("labels") or {}, child["value"]
        for key, sample in child_samples(name, labels, value):
            if key in found:
                raise Fault(f"the case has {key} twice")
            found[key] = (*sample, child.get("timestamp"))
    return found


def child_samples(name, labels, value):
    if not isinstance(value, dict):
        yield series(name, labels), (number(value), None)
        return
    total = number(value["sum"])
    if "bounds" in value:
        uppers = [number(upper) for upper in value["bounds"]] + [math.inf]
        exemplars = value.get("exemplars") or [None] * len(uppers)
        below = 0
        for upper, count, exemplar in zip(uppers, value["counts"], exemplars, strict=True):
            below += count
            yield series(name + "_bucket", labels, [("le", bound(upper))]), (float(below), exemplar)
        has_total = total >= 0 and all(upper >= 0 for upper in uppers)
        count = sum(value["counts"])
    else:
        for quantile, one in value["quantiles"]:
            quantile, one = number(quantile), number(one)
            if 0 <= quantile <= 1 and not one < 0:
                yield series(name, labels, [("quantile", bound(quantile))]), (one, None)
        has_total, count = total >= 0, value["count"]
    # A negative total is no counter, so both are left out: strict parsers refuse it.
    if has_total:
        yield series(name + "_count", labels), (float(count), None)
        yield series(name + "_sum", labels), (total, None)


def head_of(family, form):
    """Name, type and unit of a family as the parser of a format gives them."""
    name, kind, unit = family["name"], family["type"], family.get("unit") or ""
    base = name.removesuffix("_total")
    if form == "text":
        if kind == "counter" and base:
            return (base, kind, "")
        return (name, "unknown" if kind in ("untyped", "counter") else kind, "")
    is_count = all(isinstance(child["value"], dict) or number(child["value"]) >= 0 for child in family["children"])
    if kind == "counter" and is_count and base not in ("", name):
        name = base
    elif kind in ("counter", "untyped"):
        kind = "unknown"
    return (name, kind, unit if unit and name.endswith("_" + unit) else "")


def counter(name):
    """The key of a counter's sample: the text parser has all of them end in `_total`, where a gauge's may do so too."""
    return ("counter", name.removesuffix("_total"))


def expected(case, form):
    """Heads and samples of the page."""
    names = {name for name in case.get("names") or [] if name}
    heads, samples = {}, {}
    for family in case["families"]:
        found = samples_of(family)
        if names:
            found = {key: sample for key, sample in found.items() if key[0] in names}
        if found:
            name, kind, unit = head_of(family, form)
            # Both parsers strip help texts.
            heads[name] = (kind, unit, family["help"].strip())
            for (name, labels), sample in found.items():
                if form == "text" and kind == "counter":
                    name = counter(name)
                samples[name, labels] = sample
    return heads, samples


def parsed(page, form):
    heads, samples = {}, {}
    for family in FORMATS[form].text_string_to_metric_families(page):
        if family.name in heads:
            raise Fault(f"the parser gives {family.name} twice")
        heads[family.name] = (family.type, family.unit, family.documentation.strip())
        for sample in family.samples:
            special = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}.get(family.type)
            labels = dict(sample.labels)
            more = [(special, bound(float(labels.pop(special))))] if special in labels else []
            of_counter = form == "text" and family.type == "counter"
            key = series(counter(sample.name) if of_counter else sample.name, labels, more)
            if key in samples:
                raise Fault(f"the parser gives {key} twice")
            samples[key] = (sample.value, sample.exemplar, sample.timestamp)
    return heads, samples


def exemplar_of(exemplar):
    """An exemplar, of a case or of the parser, in one form."""
    if exemplar is None:
        return None
    if isinstance(exemplar, dict):
        return (exemplar["labels"], bits(number(exemplar["value"])), exemplar.get("timestamp"))
    at = exemplar.timestamp
    return (exemplar.labels, bits(exemplar.value), None if at is None else float(at))


def milliseconds_of(timestamp, form):
    """A sample's time; both parsers give seconds, the strict one exactly."""
    if timestamp is None:
        return None
    if form == "openmetrics":
        return timestamp.sec * 1000 + timestamp.nsec // 1_000_000
    return round(timestamp * 1000)


def compare(case, form):
    page = "".join(line + "\n" for line in case[form])
    heads, samples = parsed(page, form)
    wanted_heads, wanted = expected(case, form)
    if heads != wanted_heads:
        odd = set(heads.items()) ^ set(wanted_heads.items())
        raise Fault(f"heads: {sorted(odd)[:4]}")
    if samples.keys() != wanted.keys():
        raise Fault(f"series: {list(samples.keys() ^ wanted.keys())[:4]}")
    for key, (value, exemplar, milliseconds) in wanted.items():
        found, found_exemplar, timestamp = samples[key]
        if milliseconds_of(timestamp, form) != milliseconds:
            raise Fault(f"{key}: timestamp {timestamp}, not {milliseconds} ms")
        if bits(found) != bits(value):
            raise Fault(f"{key}: {found!r}, not {value!r}")
        if form == "openmetrics" and exemplar_of(found_exemplar) != exemplar_of(exemplar):
            raise Fault(f"{key}: exemplar {found_exemplar}, not {exemplar}")
    return len(samples)


def readable(case, form):
    """A part of a histogram or summary is none to the strict parser."""
    kinds = {family["type"] for family in case["families"]}
    return form == "text" or not case.get("names") or not kinds & {"histogram", "summary"}


def main(folders):
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.json"))]
    pages = samples = exemplars = 0
    faults = []
    for file in files:
        case = json.loads(file.read_text(encoding="utf-8"))
        exemplars += '"exemplars"' in file.read_text(encoding="utf-8")
        for form in FORMATS:
            if not readable(case, form):
                continue
            try:
                samples += compare(case, form)
                pages += 1
            except Exception as fault:  # Any exception of a parser is a finding.
                faults.append(f"{file} ({form}): {type(fault).__name__}: {str(fault)[:600]}")
    for fault in faults[:20]:
        print(fault)
    print(f"readers: {pages} pages with {samples} samples read back, {len(faults)} faults, {exemplars} cases with exemplars")
    if not files:
        print("no pages")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
