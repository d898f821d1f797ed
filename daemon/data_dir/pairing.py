"""Whether `state.db` and `cache.db` belong together: of one forge, of one feed, and of one time. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct

from daemon.data_dir.inspecting import LOST


class OtherForgeError(Exception):
    """A database holds what was read of another forge: ids and names would be taken for this one's."""

    def __init__(self, file: str, theirs: str, ours: str) -> None:
        super().__init__(
            f"{file} in data_dir holds what was read of {theirs}, and the configuration names {ours}; choose another "
            "data_dir, or write the former address into forge.aliases where both lead to one forge"
        )


class Mark(Struct, frozen=True):
    """What a database says of itself: the feed's epoch, the forge, and the number of the newest sweep."""

    epoch: str | None = None
    forge: str | None = None
    sweep: int = 0


class Remark(Struct, frozen=True):
    """What does not belong together, with what follows; `renew` says that the feed has to begin anew."""

    file: str
    event: str
    what: str
    remedy: str
    renew: bool = False


def require_forge(state: Mark, cache: Mark, url: str, aliases: Collection[str]) -> None:
    """Raise OtherForgeError where either is of another forge. One that does not say is of a former version."""
    for file, mark in (("state.db", state), ("cache.db", cache)):
        if mark.forge is not None and mark.forge not in (url, *aliases):
            raise OtherForgeError(file, mark.forge, url)


def compared(state: Mark, cache: Mark | None) -> Iterator[Remark]:
    """What is to be said of the two; `cache` is None where `cache.db` had to be begun anew.

    Each sweep is noted in `state.db` first and then in `cache.db`: cut off in between, the latter is one behind.
    """
    if cache is None or cache.epoch is None:
        if state.sweep:
            what = "cache.db was missing or damaged; everything is read again, and readers of the feed must resync"
            yield Remark("cache.db", "cache.lost", what, "", renew=True)
        return
    if cache.epoch != state.epoch:
        what = "cache.db and state.db are of different times or of different folders; readers of the feed must resync"
        remedy = f"if another state.db belongs here, put that or its back-up in its place: it alone has {LOST}"
        yield Remark("state.db", "state.other", what, remedy, renew=True)
    elif cache.sweep > state.sweep:
        what = "state.db is older than cache.db: a back-up was put in its place"
        remedy = (
            "what came after the back-up is lost: make tokens again that were made since (`forgeglass token list`), "
            "and revoke again those that were revoked since"
        )
        yield Remark("state.db", "state.older", what, remedy)
    elif cache.sweep and cache.sweep < state.sweep - 1:
        what = "cache.db is older than state.db: a copy was put in its place; readers of the feed must resync"
        yield Remark("cache.db", "cache.older", what, "", renew=True)
