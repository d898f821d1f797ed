"""Which templates of paths describe the files that are there: one for a folder, for many of one kind, or for a tree."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.collection import Format
from cache.profile.patterns import PathPattern, PatternError

MOST_TEMPLATES = 12
"""Templates of one profile; a repository of hundreds of small folders is not described folder by folder."""
MANY_FOLDERS = 4
"""With more folders than this below one place, they count as values of a capture."""

FORMATS: Mapping[str, Format] = {".md": "md", ".markdown": "md", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
"""The endings of files that may be entries, and how such files are written."""
MOST_AT_ONE_DEPTH = 20
"""Where no more than one of so many entries lies at another depth, the depth is part of the path."""
UNASKED = "YAML or JSON, which is read where a PATH is given"
"""Why a file is left out that would be looked at in a folder that was asked for."""
TREE = "**"
"""In a shape: folders of any depth."""

ABOUT = frozenset({
    "readme", "index", "_index", "template", "summary", "toc", "changelog", "contributing", "license", "security",
    "code_of_conduct", "code-of-conduct", "history", "authors", "notice",
})  # fmt: skip
"""Files that speak about the others beside them, by their name without its ending, in small letters."""
SPEAKING = frozenset({"readme", "index", "_index"})
"""Files that may be what their folder is: where each of several folders holds one, folders are the entries."""

_UNWRITABLE = re.compile(r"[{}*\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Template(Struct, frozen=True):
    """A template of paths. `within` are the parts of the folder as a profile writes them, `captures` the names in it,
    `key` those that make the key (`path` for the whole path), `folder` the last part that is fixed, `endings` those of
    the files, as they are written there.

    The name of a file is `stem`, or else captured as `slug`, unless it is one of `but`; where files end in several
    ways, that is captured as `ending`.
    """

    within: tuple[str, ...]
    captures: tuple[str, ...]
    key: tuple[str, ...]
    folder: str
    endings: tuple[str, ...]
    stem: str | None = None
    slug: str = ""
    ending: str = ""
    but: tuple[str, ...] = ()

    @property
    def format(self) -> Format:
        """How the files are written."""
        return FORMATS[self.endings[0].lower()]

    @property
    def source(self) -> str:
        """As a profile writes it."""
        ends = "|".join(ending[1:] for ending in self.endings)
        guard = f":(?!(?:{'|'.join(self.but)})[.](?:{ends})$)[^/]+?" if self.but else ""
        name = "{" + self.slug + guard + "}" if self.stem is None else self.stem
        end = ".{" + self.ending + f":(?:{ends})" + "}" if self.ending else self.endings[0]
        return "/".join([*self.within, name + end])


class Placed(Struct, frozen=True):
    """A path, taken apart: the folders below the one that was asked for, the name without its ending, the ending."""

    path: str
    folders: tuple[str, ...]
    stem: str
    ending: str


class _Shape(Struct, frozen=True):
    """What a template is made from: folders, with None where they vary and TREE for any; the files; a name that all
    files have; names that belong to another template.
    """

    folders: tuple[str | None, ...]
    files: tuple[Placed, ...]
    stem: str | None = None
    but: frozenset[str] = frozenset()


def ending_of(path: str) -> str | None:
    """The ending that makes a path a file to look at, as it is written there; None for any other."""
    lower = path.lower()
    found = next((ending for ending in FORMATS if lower.endswith(ending)), None)
    return None if found is None or len(path.rpartition("/")[2]) == len(found) else path[-len(found) :]


def reason_against(path: str, below: str = "") -> str | None:
    """Why a path below a folder is no entry's, None where it may be one. Hidden files are a tool's, not a team's."""
    rest = _rest(path, below)
    if rest is None or any(part.startswith(".") for part in rest.split("/")):
        return "hidden"
    ending = ending_of(path)
    if ending is None:
        return "of another kind"
    return None if below or FORMATS[ending.lower()] == "md" else UNASKED


def wanted(path: str, below: str = "") -> bool:
    """Whether a path lies below a folder and may be an entry."""
    return _rest(path, below) is not None and reason_against(path, below) is None


def stem_of(path: str) -> str:
    """The name of a file without its ending."""
    return path.rpartition("/")[2].removesuffix(ending_of(path) or "")


def about(path: str) -> bool:
    """Whether a file speaks about others, by its name: README.md, index.md, template.md."""
    return ending_of(path) is not None and stem_of(path).lower() in ABOUT


def unwritable(path: str, below: str = "") -> bool:
    """Whether the folders of a path hold what a template cannot say."""
    return _UNWRITABLE.search((_rest(path, below) or "").rpartition("/")[0]) is not None


def find_templates(
    paths: Iterable[str], below: str = "", spoken: Mapping[str, frozenset[str]] | None = None
) -> tuple[tuple[Template, ...], int]:
    """The templates that describe `paths` (already `wanted`), the richest first, at most MOST_TEMPLATES; and how many
    more there would be.

    `below` is the folder that was asked for. `spoken` has the keys that files use themselves: no capture takes such a
    name, and folders whose files speak alike are of one kind. No two templates match one path.

    Raises PatternError where `below` holds what a template cannot say.
    """
    if _UNWRITABLE.search(below):
        raise PatternError(f"{below!r} holds a brace, a '*' or a control character, which no template can say")
    keys = spoken or {}
    names = _Names(frozenset().union(*keys.values()))
    found: dict[Template, int] = {}
    for top, files in _groups(paths, below):
        for shape in _shapes(top, files, keys, deep="path" not in names.spoken):
            template = _template(tuple(below.split("/")) if below else (), shape, names)
            found[template] = len(shape.files)
    ranked = sorted(found, key=lambda template: (-found[template], template.source))
    fitting = [template for template in ranked if _fits(template)]
    return tuple(fitting[:MOST_TEMPLATES]), max(len(fitting) - MOST_TEMPLATES, 0)


def without(template: Template, stems: Iterable[str]) -> Template:
    """The same template, but for the files of these names."""
    return replace(template, but=tuple(sorted({*template.but, *stems})))


def distinct(template: Template, paths: Collection[str]) -> Template:
    """The same template, with the ending in its key where two of its files have one name but for that."""
    if not template.ending or template.key == ("path",):
        return template
    names = {path.removesuffix(ending_of(path) or "") for path in paths}
    return template if len(names) == len(paths) else replace(template, key=(*template.key, template.ending))


def _groups(paths: Iterable[str], below: str) -> Iterator[tuple[tuple[str, ...], list[Placed]]]:
    """Files that may have a template in common: of one format, and of one top folder unless one was asked for."""
    groups: dict[tuple[Format, tuple[str, ...]], list[Placed]] = defaultdict(list)
    for path in paths:
        file = _placed(path, below)
        if file is None or unwritable(path, below) or (not file.folders and not below and about(path)):
            continue
        form = FORMATS[file.ending.lower()]
        groups[form, () if below else file.folders[:1]].append(file)
    folders = [files for (_, top), files in groups.items() if top]
    if len(folders) > 1 and all(len(files) == 1 and len(files[0].folders) == 1 for files in folders):
        yield (), [file for files in folders for file in files]  # each folder at the top is its README, say
        groups = defaultdict(list, {at: files for at, files in groups.items() if not at[1]})
    for (_, top), files in sorted(groups.items()):
        if top or below or len(files) > 1:  # a lone page at the top of a repository is about the repository
            yield top, files


def _placed(path: str, below: str) -> Placed | None:
    rest, ending = _rest(path, below), ending_of(path)
    return None if rest is None or ending is None else Placed(path, tuple(rest.split("/")[:-1]), stem_of(path), ending)


def _rest(path: str, below: str) -> str | None:
    if not below:
        return path
    return path.removeprefix(f"{below}/") if path.startswith(f"{below}/") else None


def _shapes(
    top: tuple[str, ...], files: Sequence[Placed], spoken: Mapping[str, frozenset[str]], *, deep: bool
) -> Iterator[_Shape]:
    """Folders that are entries; else folders as they are where they are few and of several kinds; else one shape for
    all of one depth, or for the tree.
    """
    rest = list(files)
    speaking: dict[tuple[str, str], dict[int, list[Placed]]] = defaultdict(lambda: defaultdict(list))
    for depth in sorted({len(file.folders) for file in files}):
        level = [file for file in rest if len(file.folders) == depth > len(top)]
        stem = _speaking(level)
        for file in level if stem is not None else ():
            if file.stem == stem:
                speaking[file.stem, file.ending][depth].append(file)
    for (stem, _), by_depth in sorted(speaking.items()):
        largest, count = max(map(len, by_depth.values())), sum(map(len, by_depth.values()))
        if deep and len(by_depth) > 1 and MOST_AT_ONE_DEPTH * (count - largest) > count:
            every = [file for level in by_depth.values() for file in level]
            yield _Shape((*_common([file.folders[:-1] for file in every]), TREE, None), tuple(every), stem)
        else:
            for depth, level in by_depth.items():
                yield _Shape((*top, *(None,) * (depth - len(top))), tuple(level), stem)
    but = frozenset(stem for stem, _ in speaking)
    rest = [file for file in rest if file.stem not in but]
    by_folder: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    for file in rest:
        by_folder[file.folders].append(file)
    depths = {len(folders) for folders in by_folder}
    if len(by_folder) <= MANY_FOLDERS and not (len(depths) > 1 and deep and _alike(by_folder, spoken)):
        for folders, members in sorted(by_folder.items()):
            yield _Shape(folders, tuple(members), but=but)
    elif len(depths) == 1 or not deep:
        for depth in sorted(depths):
            level = [file for file in rest if len(file.folders) == depth]
            yield _Shape((*top, *(None,) * (depth - len(top))), tuple(level), but=but)
    else:
        yield _Shape((*_common(by_folder), TREE), tuple(rest), but=but)


def _speaking(files: Sequence[Placed]) -> str | None:
    """The name by which folders of one depth are entries: most of them hold a file of it, and little else."""
    folders = {file.folders for file in files}
    marked = (file for file in files if file.stem.lower() in SPEAKING or FORMATS[file.ending.lower()] != "md")
    counts = Counter(file.stem for file in marked)
    for stem, count in counts.most_common(1):
        if count > 1 and 3 * count >= 2 * len(folders) and 2 * count >= len(files):
            return stem
    return None


def _alike(by_folder: Mapping[tuple[str, ...], Sequence[Placed]], spoken: Mapping[str, frozenset[str]]) -> bool:
    """Whether the files of folders that lie in one another say the same kind of thing, by the keys that most have."""
    said = [_usual([spoken.get(file.path, frozenset()) for file in members]) for members in by_folder.values()]
    every, shared = frozenset().union(*said), frozenset.intersection(*said)
    return 2 * len(shared) > len(every) or not every


def _usual(keys: Sequence[frozenset[str]]) -> frozenset[str]:
    counts = Counter(key for one in keys for key in one)
    return frozenset(key for key, count in counts.items() if 2 * count >= len(keys))


def _common(folders: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    """The folders that all lie in."""
    first, last = min(folders), max(folders)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


class _Names:
    """Names for captures that the files do not use themselves."""

    def __init__(self, spoken: frozenset[str]) -> None:
        self.spoken = spoken

    def free(self, word: str, taken: Sequence[str] = ()) -> str:
        """`word`, or with a number behind it."""
        number = 1
        name = word
        while name in self.spoken or name in taken:
            number += 1
            name = f"{word}{number}"
        return name


def _template(base: tuple[str, ...], shape: _Shape, names: _Names) -> Template:
    captures: list[str] = []
    within: list[str] = [*base]
    last = max((at for at, folder in enumerate(shape.folders) if folder is None), default=-1)
    for at, folder in enumerate(shape.folders):
        if folder is None:
            own = shape.stem is not None and at == last
            word = _word([file.folders[-1] for file in shape.files]) if own else "folder"
            captures.append(names.free(word, captures))
        within.append(folder if folder is not None else "{" + captures[-1] + "}")
    slug = names.free("slug", captures) if shape.stem is None else ""
    captures += [slug] if slug else []
    key = [*captures]
    endings = tuple(sorted({file.ending for file in shape.files}))
    ending = names.free("ending", captures) if len(endings) > 1 else ""
    if ending:
        captures.append(ending)
    fixed = [*base, *(folder for folder in shape.folders if folder is not None and folder != TREE)]
    return Template(
        within=tuple(within),
        captures=tuple(captures),
        key=("path",) if TREE in shape.folders else tuple(key),
        folder=fixed[-1] if fixed else "",
        endings=endings,
        stem=shape.stem,
        slug=slug,
        ending=ending,
        but=tuple(sorted(shape.but)),
    )


def _word(values: Sequence[str]) -> str:
    """What a capture of these values is called."""
    return "number" if len(values) > 1 and all(value.isascii() and value.isdigit() for value in values) else "slug"


def _fits(template: Template) -> bool:
    """Whether the pattern language takes it: a folder may be called `.` only by a broken tree."""
    try:
        PathPattern.parse(template.source)
    except PatternError:
        return False
    return True
