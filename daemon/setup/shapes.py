"""What a repository holds that a profile could read, and what is passed over. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from cache.profile.infer_paths import SPEAKING, about, stem_of
from cache.profile.nodes import Scalar
from cache.profile.patterns import PathPattern
from cache.profile.seen import SeenFile

RFC_STATES = frozenset({"idea", "active", "withdrawn"})
DECISIONS = re.compile(
    r"adrs?|decisions?|decision[-_]records?|decision[-_]log|architecture[-_]decisions?"
    r"|architecture[-_]decision[-_]records?|architectural[-_]decision[-_]records?",
    re.IGNORECASE,
)
"""Folders of architecture decision records, as the profile `adr` knows them by itself."""
NUMBERED = re.compile(r"(?:m?adr[-_ ]?)?\d{1,5}(?!\d)", re.IGNORECASE)
NOT_TEXT = frozenset({
    "node_modules", "vendor", "third_party", "testdata", "tests", "test", "fixtures", "examples", "dist", "build",
})  # fmt: skip
"""Folders whose Markdown is somebody else's, or no text of the team's."""
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".drawio", ".puml", ".mmd", ".pdf")
_SAFE_FOLDER = re.compile(r"[^{}*\x00-\x1f\x7f-\x9f\ud800-\udfff\"\\]+")
FEWEST = 2
"""Markdown files that make a folder worth a block."""


class Sight(Struct, frozen=True):
    """One repository as it was seen: the paths of its files, and what some of them say."""

    owner: str
    name: str
    topics: tuple[str, ...]
    paths: tuple[str, ...]
    samples: tuple[SeenFile, ...] = ()

    @property
    def full_name(self) -> str:
        """As `owner/name`."""
        return f"{self.owner}/{self.name}"


class Shape(Struct, frozen=True, order=True):
    """What a repository holds: the profile that reads it, and the folder where that is no usual one."""

    use: str
    folder: str | None = None


class Passed(Struct, frozen=True, order=True):
    """Markdown of a repository for which nothing is proposed: the folder (empty for all), how many files, and why."""

    repository: str
    folder: str
    files: int
    why: str


def shapes_of(sight: Sight) -> dict[Shape, int]:
    """What one repository holds, and in how many files."""
    return judge(sight)[0]


def judge(sight: Sight) -> tuple[dict[Shape, int], tuple[Passed, ...]]:
    """What one repository holds, in how many files; and what is passed over, and why."""
    pages = [path for path in sight.paths if is_page(path)]
    found: dict[Shape, int] = {}
    taken: set[str] = set()
    if _is_rfc(sight):
        found[Shape("rfc")] = sum(_folder(path) == "rfcs" for path in pages)
        taken.update(path for path in pages if _folder(path) == "rfcs")
    decisions = [path for path in pages if path not in taken and _is_decision(path)]
    if decisions and any(NUMBERED.match(path.rpartition("/")[2]) for path in decisions):
        found[Shape("adr")] = len(decisions)
        taken.update(decisions)
    rest = [path for path in (*pages, *_folders_as_pages(sight.paths)) if path not in taken]
    tops: dict[str, list[str]] = defaultdict(list)
    for path in rest:
        tops[path.partition("/")[0] if "/" in path else ""].append(path)
    if len(tops.get("", ())) > FEWEST and 2 * len(pages) >= len(_texts(sight.paths, "")):
        return {**found, Shape("markdown", ""): len(rest)}, tuple(_passed_pages(sight))
    passed: list[Passed] = []
    for top, members in sorted(tops.items()):
        texts = [path for path in _texts(sight.paths, top) if path not in taken]
        why = _why_not(top, len(members), len(texts))
        if why:
            passed.append(Passed(sight.full_name, top, len(members), why))
        else:
            found[Shape("markdown", top)] = len(members)
    return found, (*passed, *_passed_pages(sight), *([] if pages or found else _without_pages(sight)))


def _folders_as_pages(paths: Sequence[str]) -> list[str]:
    """READMEs and indexes of folders within a folder: `rfd/0001/README.md` is what the folder is about."""
    return [
        path for path in paths
        if path.count("/") > 1 and stem_of(path).lower() in SPEAKING and about(path) and not _passes_over(path)
    ]  # fmt: skip


def _why_not(top: str, pages: int, texts: int) -> str:
    """Why the Markdown of a folder makes no block; empty where it does."""
    few = f"{pages} of {texts} files there are Markdown; it takes half of them"
    if not top:
        few = f"{pages} at the top, of {texts} files in all; it takes {FEWEST + 1}, and half of all files"
        return "one page about the repository" if pages == 1 and texts > 1 else few
    if pages < FEWEST:
        return f"a single page; it takes {FEWEST}"
    if 2 * pages < texts:
        return few
    return "" if _SAFE_FOLDER.fullmatch(top) else "its name holds what no profile can say"


def _passed_pages(sight: Sight) -> Iterator[Passed]:
    """Markdown that is passed over wherever it lies, by the folder or the name that says so."""
    markdown = (path for path in sight.paths if path.lower().endswith((".md", ".markdown")))
    counts = Counter(part for path in markdown if (part := _passes_over(path)) is not None)
    for part, count in sorted(counts.items()):
        why = "hidden, and so a tool's" if part.startswith(".") else "by its name no text of the team's"
        yield Passed(sight.full_name, part, count, why)


def _without_pages(sight: Sight) -> Iterator[Passed]:
    about_it = [path for path in sight.paths if path.lower().endswith((".md", ".markdown")) and about(path)]
    if about_it:
        yield Passed(sight.full_name, "", len(about_it), "READMEs and the like alone")
    elif not any(path.lower().endswith((".md", ".markdown")) for path in sight.paths):
        yield Passed(sight.full_name, "", 0, "no Markdown")


def is_page(path: str) -> bool:
    """Whether a file is Markdown of the team's: nothing hidden, nobody else's, no README."""
    return not _passes_over(path) and path.lower().endswith((".md", ".markdown")) and not about(path)


def _passes_over(path: str) -> str | None:
    """The part of a path by which it is hidden, or somebody else's."""
    return next((part for part in path.split("/") if part.startswith(".") or part.lower() in NOT_TEXT), None)


def _texts(paths: Sequence[str], top: str) -> list[str]:
    """The files below a folder that are no pictures: what its Markdown is measured against."""
    return [
        path for path in paths
        if (path.startswith(f"{top}/") if top else True)
        and not path.lower().endswith(PICTURES) and not path.rpartition("/")[2].startswith(".")
    ]  # fmt: skip


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _is_decision(path: str) -> bool:
    return DECISIONS.fullmatch(_folder(path).rpartition("/")[2]) is not None


def _is_rfc(sight: Sight) -> bool:
    """Files like the profile's: `title`, and a `state` that is one of its three, in most of those looked at."""
    pattern = PathPattern.parse("rfcs/{slug}.md")
    samples = [file for file in sight.samples if pattern.match(file.path) is not None and not about(file.path)]
    good = [file for file in samples if _text(file, "state") in RFC_STATES and _text(file, "title")]
    return bool(good) and 2 * len(good) >= len(samples)


def _text(file: SeenFile, key: str) -> str:
    node = file.data.pairs.get(key) if file.data is not None else None
    return node.text.strip() if isinstance(node, Scalar) and not node.null else ""


