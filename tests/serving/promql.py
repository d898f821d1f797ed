"""As much of Prometheus as our alert rules need: a history of scrapes, and what an expression says of it.

Values stand at whole minutes. `increase` and `rate` add up what a counter grew by between the scrapes of the window and
do not extrapolate to its edges, so they say at most what Prometheus says (for rules that ask for *more than* something,
the safe side). Where promtool is installed, test_alerts_in_outages.py holds this against it.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
SECONDS = {"s": 1, "m": 60, "h": 3600}
COMPARED: dict[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, "==": operator.eq}
TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|=~|!~|!=|==|[A-Za-z_:][\w:]*|\d+(?:\.\d+)?[smh]?|[-*(){}\[\],=<>])')


class History:
    """Scrapes of one target, one a minute; None stands for one that failed."""

    def __init__(self) -> None:
        self.scrapes: list[dict[tuple[str, Labels], float]] = []

    def add(self, text: str | None) -> None:
        """The next minute's scrape."""
        target = {"job": "forgeglass", "instance": "here"}
        found = {("up", frozenset(target.items())): float(text is not None)}
        for family in text_string_to_metric_families(text or ""):
            for sample in family.samples:
                found[sample.name, frozenset({**sample.labels, **target}.items())] = sample.value
        self.scrapes.append(found)

    def at(self, minute: int, name: str, wanted: Callable[[Labels], bool]) -> Vector:
        """An instant vector."""
        if not 0 <= minute < len(self.scrapes):
            return {}
        return {labels: v for (known, labels), v in self.scrapes[minute].items() if known == name and wanted(labels)}

    def growth(self, minute: int, window: int, name: str, wanted: Callable[[Labels], bool]) -> Vector:
        """By how much counters grew in the `window` minutes before; of those with two values in it."""
        grown: Vector = {}
        for before in range(max(0, minute - window), minute):
            then, now = self.at(before, name, wanted), self.at(before + 1, name, wanted)
            for labels in then.keys() & now.keys():
                grown[labels] = grown.get(labels, 0.0) + max(0.0, now[labels] - then[labels])
        return grown

    def fires(self, rule: Mapping[str, Any]) -> bool:
        """Whether an alert fires at the last minute: its expression has held for as long as `for` demands."""
        last, held = len(self.scrapes) - 1, _minutes(rule.get("for", "0m"))
        return last >= held and all(evaluate(rule["expr"], self, minute) for minute in range(last - held, last + 1))

    def series(self) -> Iterator[tuple[str, list[float | None]]]:
        """Every series with its values, None where it is missing: for promtool."""
        keys = {key for scrape in self.scrapes for key in scrape}
        for name, labels in sorted(keys, key=lambda key: (key[0], sorted(key[1]))):
            told = ", ".join(f'{key}="{value}"' for key, value in sorted(labels))
            yield f"{name}{{{told}}}", [scrape.get((name, labels)) for scrape in self.scrapes]


def evaluate(text: str, history: History, minute: int) -> Vector:
    """What an expression gives at a minute."""
    reading = _Reading(TOKEN.findall(text), history, minute)
    found = reading.whole()
    assert not reading.rest, f"not understood: {reading.rest}"
    return found


class _Reading:
    """Reads an expression from left to right, and computes it on the way."""

    def __init__(self, tokens: list[str], history: History, minute: int) -> None:
        self.rest, self.history, self.minute = tokens, history, minute

    def whole(self) -> Vector:
        left = self.compared()
        while self.rest[:1] == ["or"]:
            self.take("or")
            left = {**self.compared(), **left}
        while self.rest[:1] == ["unless"]:
            self.take("unless")
            self.take("on")
            on = self.names()
            right = {_only(labels, on) for labels in self.compared()}
            left = {labels: value for labels, value in left.items() if _only(labels, on) not in right}
        return left

    def compared(self) -> Vector:
        left = self.difference()
        if self.rest and self.rest[0] in COMPARED:
            holds, bound = COMPARED[self.take()], float(self.take())
            left = {labels: value for labels, value in left.items() if holds(value, bound)}
        return left

    def difference(self) -> Vector:
        left = self.one()
        while self.rest[:1] == ["-"]:
            self.take("-")
            right = self.one()
            left = {labels: left[labels] - right[labels] for labels in left.keys() & right.keys()}
        return left

    def one(self) -> Vector:
        name = self.take()
        if name == "(":
            found = self.whole()
            self.take(")")
            return found
        if self.rest[:1] == ["*"]:
            self.take("*")
            return {labels: float(name) * value for labels, value in self.one().items()}
        if name == "sum":
            self.take("by")
            by = self.names()
            summed: Vector = defaultdict(float)
            for labels, value in self.within().items():
                summed[_only(labels, by)] += value
            return dict(summed)
        if name in ("increase", "rate"):
            self.take("(")
            metric, wanted = self.take(), self.matchers()
            self.take("[")
            window = _minutes(self.take())
            self.take("]")
            self.take(")")
            grown = self.history.growth(self.minute, window, metric, wanted)
            return grown if name == "increase" else {labels: v / (60 * window) for labels, v in grown.items()}
        if name == "histogram_quantile":
            self.take("(")
            share = float(self.take())
            self.take(",")
            buckets = self.whole()
            self.take(")")
            return _quantile(share, buckets)
        wanted = self.matchers()
        back = 0
        if self.rest[:1] == ["offset"]:
            self.take("offset")
            back = _minutes(self.take())
        return self.history.at(self.minute - back, name, wanted)

    def within(self) -> Vector:
        self.take("(")
        found = self.whole()
        self.take(")")
        return found

    def names(self) -> set[str]:
        self.take("(")
        found = set()
        while self.rest[0] != ")":
            if (name := self.take()) != ",":
                found.add(name)
        self.take(")")
        return found

    def matchers(self) -> Callable[[Labels], bool]:
        rules: list[tuple[str, str, str]] = []
        if self.rest[:1] == ["{"]:
            self.take("{")
            while self.rest[0] != "}":
                if self.rest[0] == ",":
                    self.take(",")
                    continue
                rules.append((self.take(), self.take(), self.take().strip('"')))
            self.take("}")
        return lambda labels: all(_matches(dict(labels).get(name, ""), how, value) for name, how, value in rules)

    def take(self, expected: str | None = None) -> str:
        found = self.rest.pop(0)
        assert expected is None or found == expected, (expected, found)
        return found


def _matches(value: str, how: str, wanted: str) -> bool:
    if how in ("=", "!="):
        return (value == wanted) is (how == "=")
    return (re.fullmatch(wanted, value) is not None) is (how == "=~")


def _only(labels: Labels, names: set[str]) -> Labels:
    return frozenset(pair for pair in labels if pair[0] in names)


def _minutes(text: str) -> int:
    return int(text[:-1]) * SECONDS[text[-1]] // 60


def _quantile(share: float, buckets: Vector) -> Vector:
    """As Prometheus: linear within the bucket that holds the share; the last bound below +Inf beyond them."""
    found: Vector = {}
    groups: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in buckets.items():
        groups[frozenset(pair for pair in labels if pair[0] != "le")].append((float(dict(labels)["le"]), count))
    for labels, group in groups.items():
        group.sort()
        total = group[-1][1]
        if total <= 0:
            continue
        wanted, low, below = share * total, 0.0, 0.0
        for bound, count in group:
            if count >= wanted:
                inside = (wanted - below) / (count - below) if count > below else 1.0
                found[labels] = low if bound == float("inf") else low + (bound - low) * inside
                break
            low, below = bound, count
    return found
