"""Markdown made of values: what comes from code stays text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MADE = "<!-- Made from the code by `make docs`; change the code instead. -->\n"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n".join([MADE, f"# {title}\n", *(part.rstrip("\n") + "\n" for part in parts if part)])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell(text) for text in line)} |\n" for line in lines)


def cell(text: str) -> str:
    """Text that ends neither the cell nor the row."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """A literal within a line; nothing where there is none."""
    written = str(text)
    return f"`{written}`" if written else ""


def plain(text: str) -> str:
    """A docstring or a help text as Markdown: one paragraph, nothing in it taken for a tag."""
    return " ".join(text.split()).replace("<", "&lt;")
