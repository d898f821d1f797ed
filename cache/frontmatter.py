"""Front matter: the YAML between two `---` lines (or `---` and `...`) at the top of a file, and the body below it, as
it is.

The parsing goes through python-frontmatter with a handler of ours. On its own that library strips the body, takes
two rules in a plain body for front matter, silently ignores unclosed or non-mapping front matter and a byte order
mark, and hands hostile YAML to a loader that can be made to crash the process.
"""

from __future__ import annotations

import re

import frontmatter
from frontmatter.default_handlers import BaseHandler
from msgspec import Struct

from cache.profile.lines import LONE_RETURN, MARK, odd_ends, odd_mark
from cache.profile.nodes import NodeError, Table, read_yaml
from cache.profile.rules import Problem, problem
from cache.profile.salvage import salvage

MAX_FRONT_MATTER = 64 * 1024
MAX_POINTER = 1024
"""By its specification a pointer is shorter."""

_OPEN = re.compile(r"(?:[ \t]*+\r?\n)*+---[ \t]*(?:\r?\n|\Z)")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\r?\Z)", re.MULTILINE)
_HEADING = re.compile(r"(?:\s*+#[^\n]*+)++\s*+")
_COMMENTED_OUT = re.compile(r"^[ \t]*#[ \t]*[a-z][a-z0-9_-]*:(?:[ \t]|\r?$)", re.MULTILINE)
_POINTER = re.compile(
    rb"version https?://[^\s]{1,200}/v\d+\r?\n(?:ext-[^\n]*\n)*oid sha256:[0-9a-f]{64}\r?\nsize \d{1,20}\s*", re.ASCII
)


class FrontMatter(Struct, frozen=True):
    """A file, split.

    `data` is None where the file has no front matter or it cannot be read (then `problems` says why). `body` is
    the text below the closing line, to the byte; `body_line` the number of its first line.
    """

    data: Table | None
    body: str
    body_line: int = 1
    problems: tuple[Problem, ...] = ()


class _Handler(BaseHandler):
    """Fences of exactly three dashes at the very top; what stands between them must be one guarded YAML mapping."""

    FM_BOUNDARY = _OPEN

    def __init__(self, first_line: int) -> None:
        super().__init__()
        self.first_line = first_line

    def split(self, text: str) -> tuple[str, str]:
        opening = _OPEN.match(text)
        closing = _CLOSE.search(text, opening.end()) if opening else None
        if opening is None or closing is None:
            raise ValueError("no front matter")
        return text[opening.end() : closing.start()], text[closing.end() :]

    def load(self, fm: str) -> dict[str, object]:
        node = read_yaml(fm, self.first_line)
        if node is None:
            node = Table({}, {}, self.first_line)
        if not isinstance(node, Table):
            message = "The front matter must be 'name: value' lines, not a list or a single value."
            raise NodeError(problem("front-matter-not-mapping", message, line=node.line))
        return {"table": node}


def decode(content: bytes) -> str:
    """The text of a file, without a byte order mark. NodeError: a pointer of Git LFS, not UTF-8 or holding a NUL, with
    the line.
    """
    if is_pointer(content):
        message = "The file is a pointer of Git LFS: its text is not in Git; take it out of LFS."
        raise NodeError(problem("lfs-pointer", message, line=1))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the codec counts from after the mark
        start = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        line = content.count(b"\n", 0, start) + 1
        message = f"Byte {start} is not UTF-8; save the file as UTF-8."
        raise NodeError(problem("not-utf8", message, line=line)) from None
    check_text(text)
    return text


def is_pointer(content: bytes) -> bool:
    """Whether a file is a pointer of Git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""
    return len(content) < MAX_POINTER and _POINTER.fullmatch(content) is not None


def check_text(text: str) -> None:
    """NodeError where text holds a NUL or half a surrogate pair: no database column and no JSON reader takes them."""
    if (at := text.find("\0")) >= 0:
        message = "The file holds a NUL character; remove it."
        raise NodeError(problem("bad-text", message, line=text.count("\n", 0, at) + 1))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = "The file holds half a surrogate pair; remove it."
        raise NodeError(problem("bad-text", message, line=text.count("\n", 0, error.start) + 1)) from None


def split(content: bytes | str, *, lenient: bool = False) -> FrontMatter:
    """Split a file into front matter and body. Never raises: what is wrong stands in `problems`.

    Accepted: a byte order mark, blank lines before the opening fence, CRLF, and `...` to close it (YAML 1.2, §9.1.2).
    A file that does not begin with a fence has no front matter and is all body. So is, where that is `lenient`, one
    whose rules are no fences (CommonMark §4.1, thematic breaks): the first is alone, or what stands between the two is
    no mapping. And of front matter that does not read as a whole `lenient` keeps the keys that do.
    """
    try:
        text = decode(content) if isinstance(content, bytes) else content.removeprefix(MARK)
        check_text(text)
        wrong = odd(text, _fence(text))
        if wrong and not lenient:
            return FrontMatter(None, "", problems=wrong[:1])
        text = text.lstrip(MARK)
        # letters stay as many, so that the body is found at its place in the text as it is written
        found = _split(LONE_RETURN.sub("\n", text) if wrong else text, lenient=lenient)
        body = text[len(text) - len(found.body) :]
        return FrontMatter(found.data, body, found.body_line, (*wrong, *found.problems)) if wrong else found
    except NodeError as error:
        return FrontMatter(None, "", problems=(error.problem,))


def odd(text: str, until: int | None = None) -> tuple[Problem, ...]:
    """What is odd about the first letters of a text and its line ends, those before `until` and the first."""
    return tuple(found for found in (odd_mark(text), odd_ends(text, until)) if found is not None)


def _fence(text: str) -> int | None:
    """Where front matter is closed, None where there is none."""
    opening = _OPEN.match(text)
    closing = _CLOSE.search(text, opening.end()) if opening else None
    return closing.start() if closing else None


def _split(text: str, *, lenient: bool) -> FrontMatter:
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter(None, text)
    first_line = text.count("\n", 0, opening.end()) + 1
    closing = _CLOSE.search(text, opening.end())
    if closing is None:
        message = "The front matter opens with '---' and never closes; add a '---' line below it."
        found = problem("unclosed-front-matter", message, line=max(first_line - 1, 1))
        return FrontMatter(None, text) if lenient else FrontMatter(None, "", problems=(found,))
    body = text[closing.end() :]
    body_line = text.count("\n", 0, closing.end()) + 1
    inside = text[opening.end() : closing.start()]
    try:
        table = _mapping(text[opening.start() : closing.end()].lstrip(), inside, first_line)
    except NodeError as error:
        if not lenient:
            return FrontMatter(None, body, body_line, (error.problem,))
        kept = salvage(inside, first_line, MAX_FRONT_MATTER)
        if kept.table is None:
            return FrontMatter(None, text)
        return FrontMatter(kept.table, body, body_line, kept.problems)
    if lenient and _HEADING.fullmatch(inside) and not _COMMENTED_OUT.search(inside):
        return FrontMatter(None, text)  # headings between two rules look like comments of YAML
    return FrontMatter(table, body, body_line)


def _mapping(fenced: str, inside: str, first_line: int) -> Table:
    """What front matter says, by python-frontmatter. NodeError: it is too large, or does not read."""
    if len(inside.encode()) > MAX_FRONT_MATTER:
        message = f"The front matter is larger than {MAX_FRONT_MATTER // 1024} KiB; move long text into the body."
        raise NodeError(problem("front-matter-too-large", message, line=max(first_line - 1, 1)))
    handler = _Handler(first_line)
    if not handler.detect(fenced):
        raise AssertionError("the handler does not see the front matter that was just found")
    metadata, _ = frontmatter.parse(fenced, handler=handler)
    table = metadata["table"]
    assert isinstance(table, Table)  # noqa: S101 - what load() gave, through a library that calls it an object
    return table
