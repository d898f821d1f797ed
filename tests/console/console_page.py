"""A page as a browser takes it: elements in a tree, to be asked for by tag, class and attribute."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "input", "hr", "img", "col"}
CLOSED_BY_THEMSELVES = {"li", "p", "td", "tr", "th"}


class Element:
    """An element with what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.inside: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        """What a person reads, each run of spaces one."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for one in self.inside:
            if isinstance(one, str):
                yield one
            else:
                yield from one._texts()
                if one.tag in ("td", "th", "li", "p", "dt", "dd", "option", "label", "span", "a", "h2"):
                    yield " "

    def every(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """The elements below that fit; `kind` is a class, `_` in a name stands for `-`."""
        return list(self._found(tag, {name.replace("_", "-"): value for name, value in attributes.items()}))

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        """The only element that fits."""
        found = self.every(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    def _found(self, tag: str | None, attributes: dict[str, str]) -> Iterator[Element]:
        for one in self.inside:
            if isinstance(one, str):
                continue
            if tag in (None, one.tag) and all(one._has(name, value) for name, value in attributes.items()):
                yield one
            yield from one._found(tag, attributes)

    def _has(self, name: str, value: str) -> bool:
        return value in self.classes if name == "kind" else self.attributes.get(name) == value


class Page(HTMLParser):
    """A whole page; fails on a tag that closes nothing, and on one left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        left = [one.tag for one in self._open[1:] if one.tag not in CLOSED_BY_THEMSELVES]
        assert left == [], f"left open: {left}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1 and self._open[-1].tag != tag:
            assert self._open.pop().tag in CLOSED_BY_THEMSELVES, f"</{tag}> closes what is not open"
        assert len(self._open) > 1, f"</{tag}> closes what is not open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)

    @property
    def main(self) -> Element:
        return self.root.one("main")

    @property
    def text(self) -> str:
        return self.main.text

    def links(self) -> list[str]:
        """Every address that the page leads to or loads."""
        names = ("href", "src", "action", "hx-get")
        return [value for one in self.root.every() for name, value in one.attributes.items() if name in names]
