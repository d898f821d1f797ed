"""Runs every regular expression of ours over texts that are made to be slow, in a process of its own.

For each it prints its name when it is done; the process is ended by its limit of CPU when one goes back over a text.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PACKAGES = ("cache", "gitea_client", "webhooks", "daemon")
SHORT, LONG = 1_500, 12_000
"""Lengths of texts. What goes back over a text takes 64 times as long for the longer one, and 1 s; what goes over it
once takes 8 times as long, and 1 ms."""
SUSPICIOUS, SLOW = 0.003, 0.1
"""Seconds of CPU for the short one, from which on the longer one is tried, and for that."""
LETTERS = ("a", "0", " ", "\n", "-", "=", "#", "<", ":", ".", "/", "_", "%41", "@", "'")
STARTS = ("2020-01-01 ", "---\n", "a: ", "<", "[", "0", "a@", "http://", "superseded by x", "[a](")
SEARCHING = ("search", "sub", "subn", "finditer", "findall", "split")


def patterns() -> Iterator[tuple[str, re.Pattern[Any], bool]]:
    """Each expression that a module of ours keeps, by its name, and whether it is looked for anywhere in a text."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".migrations" in found.name or ".fake" in found.name or found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            source = Path(str(module.__file__)).read_text(encoding="utf-8")
            for name, value in vars(module).items():
                kept = value if isinstance(value, tuple | list) else [value]
                for position, one in enumerate(kept):
                    if isinstance(one, re.Pattern) and re.search(rf"^{name}\b", source, re.MULTILINE):
                        searches = any(f"{name}.{way}(" in source for way in SEARCHING)
                        yield f"{found.name}.{name}[{position}]", one, searches


def profiles() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Each expression of a shipped profile, by profile and field. They are looked for in so much of a text only."""
    for path in sorted((Path(__file__).parents[2] / "deploy" / "profiles").glob("*.yaml")):
        for text in dict.fromkeys(_expressions(yaml.safe_load(path.read_text(encoding="utf-8")))):
            yield f"{path.name}: {text[:60]}", re.compile(text, re.IGNORECASE), True


def _expressions(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for one in tree:
            yield from _expressions(one)
    elif isinstance(tree, dict):
        for name, one in tree.items():
            if name in ("extract", "split") and isinstance(one, str):
                yield one
            else:
                yield from _expressions(one)


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """A beginning, and a piece that is to follow again and again."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    words = sorted(set(re.findall(r"(?<!\\)[A-Za-z]{2,}", source)))[:6]
    marks = sorted({char for char in source if not char.isalnum() and char.isascii() and char.isprintable()})
    for start in ("", *words, *STARTS):
        for piece in dict.fromkeys((*LETTERS, *words, *marks, "/1-", "adr-1 ", "1.md")):
            yield start, piece
    few = [piece for piece in ("a", "0", " ", "\n", *words[:2], *marks) if piece in source or piece in "a0 \n"]
    for one in few:
        for other in few:
            yield "", one + other


def seconds(pattern: re.Pattern[Any], start: str, piece: str, length: int, *, searches: bool) -> float:
    """The CPU that all ways of looking take over a text of this length that ends in what fits nothing."""
    text = start + piece * (length // len(piece)) + "\x01"
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode()
    before = time.process_time()
    pattern.fullmatch(subject)
    pattern.match(subject)
    if searches:
        pattern.sub(subject[:0], subject)
    return time.process_time() - before


def main() -> None:
    """Go through them all."""
    for name, pattern, searches in (*patterns(), *profiles()):
        limit = int(time.process_time()) + 20
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        for start, piece in texts(pattern):
            for length, most in ((SHORT, SUSPICIOUS), (LONG, SLOW)):
                took = seconds(pattern, start, piece, length, searches=searches)
                if took < most:
                    break
            else:
                name += f" is slow over {start!r} and {piece!r} again and again: {took:.1f} s"
                break
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
    sys.stdout.write("all of them\n")


if __name__ == "__main__":
    main()
