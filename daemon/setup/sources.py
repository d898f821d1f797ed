"""The files that a profile is inferred from, out of a repository on the forge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from cache.profile.entry import MAX_FILE
from cache.profile.infer import SeenFile, read_seen
from cache.profile.infer_paths import wanted
from cache.profile.rules import shown
from daemon.setup.access import Access
from daemon.setup.errors import SetupError
from daemon.setup.forge import Item, looking
from gitea_client.errors import HttpError, Missing, Refused

MOST_FILES = 2_000
"""Files that are read for one profile."""
MOST_BYTES = 64 * 1024 * 1024
MOST_PATHS = 50_000
"""Items of the repository's tree."""

Tell = Callable[[Mapping[str, Any]], None]


class Source(Struct, frozen=True):
    """Files and where they are from. `repository` is its full name, None for a folder of this machine; `complete`
    False where there are more files than were read; `others` are the paths of files that were not looked at.
    """

    name: str
    label: str
    repository: str | None
    files: tuple[SeenFile, ...]
    complete: bool
    others: tuple[str, ...] = ()


async def read_repository(access: Access, full_name: str, below: str, ref: str | None, tell: Tell) -> Source:
    """The files of a repository that may be entries: of its default branch, or of the branch, tag or commit `ref`.

    Raises from the tree in `gitea_client.errors`, and SetupError where the repository is empty or not to be seen.
    """
    async with looking(access) as forge:
        tell({"what": f"listing {full_name}", "done": 0, "of": 2})
        found = None
        try:
            repository = await forge.repository(full_name)
            if not repository.default_branch:
                raise SetupError(_empty(full_name))
            found = repository
            tree = await forge.tree(repository, ref or repository.default_branch, MOST_PATHS)
        except HttpError as error:
            if found is not None and found.empty and ref is None:  # asked for: after a push the forge says so for long
                raise SetupError(_empty(full_name)) from None
            if not isinstance(error, (Missing, Refused)):
                raise
            # a ref that is nowhere is 400 or 404, by the server's version
            what = full_name if ref is None else f"{full_name} at {shown(ref)}"
            remedy = "check the name, and that the token's user may read it"
            raise SetupError(f"{access.url} shows no {what}; {remedy}", 3) from None
        fit = [item for item in tree.items if wanted(item.path, below)]
        chosen = _affordable([item for item in fit if item.size <= MAX_FILE])
        tell({"what": f"reading {len(chosen)} files", "done": 1, "of": 2})
        contents = await forge.contents(repository, chosen)
    large = [SeenFile(item.path, problem="too-large") for item in fit if item.size > MAX_FILE][:MOST_FILES]
    links = [SeenFile(path, problem="symlink") for path in tree.links if wanted(path, below)]
    read = [read_seen(path, content) for path, content in sorted(contents.items())]
    return Source(
        name=repository.name,
        label=f"{full_name} at {tree.commit[:12]}",
        repository=f"{repository.owner.login}/{repository.name}",
        files=(*read, *large, *links),
        complete=tree.complete and len(chosen) + len(large) == len(fit),
        others=_others([*(item.path for item in tree.items), *tree.links], below, [*chosen, *large, *links]),
    )


def _empty(full_name: str) -> str:
    return f"{full_name} is empty; push something first"


def _others(paths: Iterable[str], below: str, seen: Iterable[Item | SeenFile]) -> tuple[str, ...]:
    """The paths below a folder of files that were not looked at."""
    known = {one.path for one in seen}
    start = f"{below}/" if below else ""
    return tuple(path for path in paths if path.startswith(start) and path not in known)


def _affordable(items: list[Item]) -> list[Item]:
    """As many, in the order of the tree, as fit into the bounds."""
    left = MOST_BYTES
    chosen: list[Item] = []
    for item in items[:MOST_FILES]:
        left -= item.size
        if left < 0:
            break
        chosen.append(item)
    return chosen
