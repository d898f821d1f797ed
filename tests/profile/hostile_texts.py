"""Texts that somebody commits to make reading them slow. Run by `test_hostile_texts` in a process of its own: reads
each as a record, a page, a file of lines, and ends with the names of those that were read.
"""

from __future__ import annotations

import json
import resource
import sys

from cache.profile.block import bind, load_profile
from cache.profile.entry import MAX_FILE, parse_file

SUPERSEDED = "superseded by "


def texts(size: int) -> dict[str, str]:
    """Texts of so many characters, by name."""

    def much(bit: str, before: str = "", after: str = "") -> str:
        return (before + bit * (size // len(bit)))[: size - len(after)] + after

    status = "# T\n\n## Status\n\n"
    return {
        "blanks after a hash": much(" ", "# "),
        "blanks and hashes": much("# " + " #" * 400 + " x\n"),
        "hashes": much("#"),
        "definitions": much("[a]: b\n", after="\n# x\n"),
        "definitions that are none": much("[a]: b c\n", after="\n# x\n"),
        "definitions unclosed": much("[a]: <b> '\n", after="\n# x\n"),
        "brackets": much("[\n", after="\n# x\n"),
        "items": much("- a\n", after="\n# x\n"),
        "items and quotes": much("- a\n\n  > b\n", after="\n# x\n"),
        "lazy quotes": much("> a\nb\n", after="\n# x\n"),
        "one paragraph": much("a\n", after="\n===\n"),
        "underlines": much("a\n=\n"),
        "lines of a table": much("| a | b |\n", after="\n# x\n"),
        "pipes": much("|"),
        "labels": much("a: b\n", "# T\n"),
        "colons": much(":", "# T\n"),
        "html headings": much("<h1>\n\n"),
        "html headings in one line": much("<h1>", "<div>\n"),
        "html tags unclosed": much('<a b="', "<div>\n"),
        "html quotes": much("\"'", "<div>\n<a "),
        "alts": much('alt="', "<h1><img "),
        "comments": much("<!--"),
        "comments in a paragraph": much("<!--", "a "),
        "comments in labels": much("a: <!--\n", "# T\n"),
        "fences": much("```\n", after="\n# x\n"),
        "line feeds": much("\n"),
        "returns": much("\r"),
        "tabs": much("\t\n"),
        "blanks": much(" "),
        "rules": much("---\n"),
        "blanks after a rule": much(" ", "---\n"),
        "front matter unclosed": much("a: b\n", "---\n"),
        "front matter": much("k: v\n", "---\n", "---\n"),
        "separators in front matter": much("\u2028", "---\na: '", "'\n---\n"),
        "brackets in front matter": "---\na: " + "[" * 60_000 + "\n---\n",
        "keys of front matter": "---\n" + "".join(f"k{n}: v\n" for n in range(2400)) + "---\n",
        "superseded and blanks": much(" ", status + SUPERSEDED),
        "superseded again and again": much(SUPERSEDED, status),
        "supersedes and blanks": much(" supersedes" + " " * 300, status),
        "links": much("[a](/1-", status + SUPERSEDED),
        "links and slashes": much("/1-", status + SUPERSEDED + "[a]("),
        "open links": much("[", status + SUPERSEDED),
        "adr and adr": much("adr-", status + SUPERSEDED),
        "digits": much("1", status),
        "words": much("a ", status),
        "words and dashes": much("a  -", status),
        "deciders": much("<br ", "# T\n* Deciders: "),
        "a number and blanks": much(" ", "# 1"),
        "numbers and dashes": much(" -", "# 1"),
        "adr and blanks": much(" ", "# adr "),
        "adr and signs": much("-", "# adr-1"),
        "a date and dashes": much("-1", "# T\nDate: 2020"),
    }


def lines(size: int) -> dict[str, str]:
    """Files of lines."""
    return {
        "open": "{\n" * (size // 2),
        "rubbish": "x\n" * (size // 2),
        "blank": "\n" * size,
        "nested": '{"a":' * (size // 5),
        "values": '{"id": "a", "b": [' + "1," * (size // 2 - 20) + "1]}",
        "objects": '{"id": "a", "b": [' + "{}," * (size // 3 - 20) + "{}]}",
        "good": "".join(f'{{"id": "a{n}"}}\n' for n in range(size // 18)),
    }


def main() -> None:
    """Each file may take 3 s of CPU at most, where it takes 1 s at worst; a shorter text less."""
    adr = bind(load_profile("adr"), parameters={"owner": "acme"}).collection("decisions")
    documents = bind(load_profile("markdown"), parameters={"owner": "acme"}).collection("documents")
    actions = bind(load_profile("rfc"), parameters={"meta": "acme/meta"}).collection("actions")
    files = [(adr, "docs/adr/0001-x.md", name, text) for name, text in texts(MAX_FILE - 100).items()]
    files += [(documents, "x.md", name, text) for name, text in texts(MAX_FILE - 100).items()]
    files += [(actions, "audit/2026-01.jsonl", name, text) for name, text in lines(MAX_FILE - 100).items()]
    for collection, path, name, text in files:
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + 4
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        captures = collection.captures(path)
        assert captures is not None
        parse_file(collection, path, text.encode(), captures)
        sys.stdout.write(f"{json.dumps([path, name])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
