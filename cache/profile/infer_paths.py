"""Which templates of paths describe the files that are there: one for a folder, or for many folders of one kind."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cache.profile.patterns import PathPattern, PatternError

MOST_TEMPLATES = 12
"""Templates of one profile; a repository of hundreds of small folders is not described folder by folder."""
MANY_FOLDERS = 4
"""With more folders than this below one place, they count as values of a capture."""

SUFFIXES = (".md", ".markdown", ".yaml", ".yml", ".json")
"""The endings of files that may be entries."""

ABOUT = frozenset({
    "readme", "index", "_index", "template", "summary", "toc", "changelog", "contributing", "license", "security",
    "code_of_conduct", "code-of-conduct", "history", "authors", "notice",
})  # fmt: skip
"""Files that speak about the others beside them, by their name without its ending, in small letters."""

_UNWRITABLE = re.compile(r"[{}*\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Template(Struct, frozen=True):
    """A template of paths, as a profile writes it; `captures` are its names, `folder` the last part that is fixed."""

    source: str
    captures: tuple[str, ...]
    folder: str
    suffix: str

    def match(self, path: str) -> dict[str, str] | None:
        """The captures of a path, None where it does not fit."""
        return PathPattern.parse(self.source).match(path)


def suffix_of(path: str) -> str | None:
    """The ending that makes a path a file to look at, as it is written there; None for any other."""
    lower = path.lower()
    found = next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), None)
    return None if found is None or len(path.rpartition("/")[2]) == len(found) else path[-len(found) :]


def wanted(path: str, below: str = "") -> bool:
    """Whether a path lies below a folder and may be an entry. Hidden files and folders are a tool's, not a team's."""
    rest = _rest(path, below)
    if rest is None or any(part.startswith(".") for part in rest.split("/")):
        return False
    suffix = suffix_of(path)
    return suffix is not None and (bool(below) or suffix.lower() in (".md", ".markdown"))


def stem(path: str, suffix: str) -> str:
    """The name of a file without its ending."""
    return path.rpartition("/")[2].removesuffix(suffix)


def about(path: str) -> bool:
    """Whether a file speaks about others, by its name: README.md, index.md, template.md."""
    suffix = suffix_of(path)
    return suffix is not None and stem(path, suffix).lower() in ABOUT


def find_templates(paths: Iterable[str], below: str = "", spoken: Iterable[str] = ()) -> tuple[Template, ...]:
    """The templates that describe `paths` (already `wanted`), the richest first, at most MOST_TEMPLATES.

    `below` is the folder that was asked for. `spoken` are keys that the files use themselves: no capture takes such a
    name. No two templates match one path.

    Raises PatternError where `below` holds what a template cannot say.
    """
    if _UNWRITABLE.search(below):
        raise PatternError(f"{below!r} holds a brace, a '*' or a control character, which no template can say")
    base = tuple(below.split("/")) if below else ()
    groups: dict[tuple[str, ...], Counter[tuple[tuple[str, ...], str]]] = defaultdict(Counter)
    for path in paths:
        folders, suffix = tuple((_rest(path, below) or "").split("/")[:-1]), suffix_of(path)
        if suffix is None or _UNWRITABLE.search("/".join(folders)) or (not folders and not below and about(path)):
            continue
        groups[folders[:1]][folders, suffix] += 1
    names = _Names(frozenset(spoken))
    found: dict[Template, int] = {}
    for top, members in sorted(groups.items()):
        if not top and not below and sum(members.values()) < 2:
            continue  # a lone page at the top of a repository is about the repository
        for shape, suffix, count in _merged(top, members):
            found[_template(base, shape, suffix, names)] = count
    ranked = sorted(found, key=lambda template: (-found[template], template.source))
    return tuple(template for template in ranked if _fits(template))[:MOST_TEMPLATES]


def without(template: Template, stems: Sequence[str]) -> Template:
    """The same template, but for the files of these names (of ABOUT, as they are written there)."""
    if not stems:
        return template
    ending = template.suffix.replace(".", "[.]")
    guarded = "{" + template.captures[-1] + ":(?!(?:" + "|".join(sorted(stems)) + ")" + ending + "$)[^/]+?}"
    start = template.source.rpartition("{" + template.captures[-1] + "}")[0]
    return Template(start + guarded + template.suffix, template.captures, template.folder, template.suffix)


def _rest(path: str, below: str) -> str | None:
    if not below:
        return path
    return path.removeprefix(f"{below}/") if path.startswith(f"{below}/") else None


def _merged(
    top: tuple[str, ...], members: Mapping[tuple[tuple[str, ...], str], int]
) -> Iterable[tuple[tuple[str | None, ...], str, int]]:
    """Folders as they are where they are few; else one for each depth, with None for every part that varies."""
    if len({folders for folders, _ in members}) <= MANY_FOLDERS:
        for (folders, suffix), count in sorted(members.items()):
            yield folders, suffix, count
        return
    counts: Counter[tuple[int, str]] = Counter()
    for (folders, suffix), count in members.items():
        counts[len(folders), suffix] += count
    for (depth, suffix), count in sorted(counts.items()):
        yield (*top, *(None,) * (depth - len(top))), suffix, count


class _Names:
    """Names for captures that the files do not use themselves."""

    def __init__(self, spoken: frozenset[str]) -> None:
        self._spoken = spoken

    def free(self, word: str, taken: Sequence[str] = ()) -> str:
        """`word`, or with a number behind it."""
        number = 1
        name = word
        while name in self._spoken or name in taken:
            number += 1
            name = f"{word}{number}"
        return name


def _template(base: tuple[str, ...], folders: tuple[str | None, ...], suffix: str, names: _Names) -> Template:
    captures: list[str] = []
    parts: list[str] = [*base]
    for folder in folders:
        if folder is None:
            captures.append(names.free("folder", captures))
        parts.append(folder if folder is not None else "{" + captures[-1] + "}")
    captures.append(names.free("slug", captures))
    fixed = [*base, *(folder for folder in folders if folder is not None)]
    source = "/".join([*parts, "{" + captures[-1] + "}" + suffix])
    return Template(source, tuple(captures), fixed[-1] if fixed else "", suffix)


def _fits(template: Template) -> bool:
    """Whether the pattern language takes it: a folder may be called `.` only by a broken tree."""
    try:
        PathPattern.parse(template.source)
    except PatternError:
        return False
    return True
