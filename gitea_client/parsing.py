"""From the bytes of git's plumbing to values. Contents are hostile: nothing here fails on them but by GitFailed."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime

from gitea_client.allowed import is_object_id
from gitea_client.errors import GitFailed
from gitea_client.git import LATEST, Commit, TreeItem

# Git's own reading (`split_ident_line` of ident.c): the address ends at the first `>` after the `<`, the date stands
# behind the last one. Histories that were converted hold lines like `Ann <a@b>> 1282910542 +0200`.
_PERSON = re.compile(rb"(?P<name>[^<]*)(?:<(?P<email>[^>]*)>)?(?P<rest>[^>]*|.*>(?P<date>[^>]*))", re.DOTALL)
_DATE = re.compile(rb"\s*([0-9]+)(?:\s|$)")
_ENCODINGS = frozenset({
    "utf-8", "ascii", *(f"iso8859-{part}" for part in range(1, 17)), *(f"cp125{page}" for page in range(9)),
    "koi8-r", "koi8-u", "cp866", "euc_jp", "shift_jis", "cp932", "iso2022_jp", "euc_kr", "cp949",
    "gb2312", "gbk", "gb18030", "big5", "cp950",
})  # fmt: skip
"""The encodings, by Python's names, that a commit may claim. Others are none of text, or give lone surrogates."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_MOST_DIGITS = 18
_LAST_SECOND = int(LATEST.timestamp())


def sizes(output: bytes) -> dict[str, tuple[str, int]]:
    """Type and size by id, of `git cat-file --batch-check`; missing ones are not in it."""
    found = (line.split(" ") for line in output.decode("ascii", "replace").split("\n"))
    return {fields[0]: (fields[1], int(fields[2])) for fields in found if len(fields) == 3 and fields[2].isdigit()}


def commit(sha: str, raw: bytes) -> Commit:
    """A commit object. Bytes that are not in its encoding are replaced.

    A date that is none reads as the epoch, a negative one too: Git knows none before 1970. One beyond the year 9999,
    which Git keeps and Python cannot, reads as the last second of that year (`git.LATEST`): it sorts last.
    """
    header, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, bytes] = {}
    parents: list[str] = []
    for line in header.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            if is_object_id(parent := value.decode("ascii", "replace")):  # git itself refuses a commit with another
                parents.append(parent)
        elif key:  # a line that begins with a space goes on with the one before: signatures, of no use here
            fields.setdefault(key, value)
    encoding = fields.get(b"encoding", b"utf-8").decode("ascii", "replace")
    author = _person(fields.get(b"author", b""), encoding)
    committer = _person(fields.get(b"committer", b""), encoding)
    return Commit(sha, *author, *committer, _text(message, encoding).rstrip("\n"), tuple(parents))


def _person(value: bytes, encoding: str) -> tuple[str, str, datetime]:
    found = _PERSON.fullmatch(value)
    assert found is not None  # noqa: S101  # every part of the pattern may be empty
    rest = found["rest"] if found["date"] is None else found["date"]
    return _text(found["name"], encoding).strip(), _text(found["email"] or b"", encoding).strip(), _date(rest)


def _date(rest: bytes) -> datetime:
    found = _DATE.match(rest)
    if found is None:
        return _EPOCH
    digits = found[1].lstrip(b"0")
    seconds = int(digits or b"0") if len(digits) <= _MOST_DIGITS else _LAST_SECOND
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC)


def _text(value: bytes, encoding: str) -> str:
    """Text that UTF-8 can hold, whatever a commit claims of its bytes."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        name = "utf-8"
    return value.decode(name if name in _ENCODINGS else "utf-8", "replace")


def path_of(raw: bytes) -> str:
    """A path; bytes that are not UTF-8 become lone surrogates (PEP 383), which `path_bytes` turns back."""
    return raw.decode("utf-8", "surrogateescape")


def path_bytes(path: str) -> bytes:
    """The bytes of a path as Git knows it."""
    return path.encode("utf-8", "surrogateescape")


def tree(output: bytes, what: str) -> dict[str, TreeItem]:
    """The items of `git ls-tree -r -z`, by path; the first of several of one path. The last NUL may be left out."""
    items: dict[str, TreeItem] = {}
    for record in output.removesuffix(b"\0").split(b"\0") if output else ():
        meta, tab, path = record.partition(b"\t")
        fields = meta.decode("ascii", "replace").split(" ")
        if not tab or len(fields) != 3:
            raise GitFailed(f"{what}: {record[:80]!r} is no tree item")
        items.setdefault(path_of(path), TreeItem(*fields))
    return items


def sides_of(line: bytes) -> tuple[TreeItem | None, TreeItem | None]:
    """The item before and after, of the line that begins a raw change; raises GitFailed for what is none."""
    fields = line.decode("ascii", "replace").split(" ")
    if len(fields) != 5:
        raise GitFailed(f"{line[:80]!r} is no raw change")
    before = _item(fields[0].removeprefix(":"), fields[2]) if fields[4] != "A" else None
    return before, _item(fields[1], fields[3]) if fields[4] != "D" else None


def _item(mode: str, object_id: str) -> TreeItem:
    return TreeItem(mode, "commit" if mode == "160000" else "blob", object_id)
