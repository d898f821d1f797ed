"""Objects as `git cat-file --batch` tells them, one at a time: however many there are, one is held."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing

from gitea_client.errors import GitFailed
from gitea_client.objects import ObjectStore


async def objects(store: ObjectStore, ids: Iterable[str], *, most: int) -> AsyncIterator[tuple[str, str, bytes | None]]:
    """Id, type and content of each object that is held, in the order asked; None for one longer than `most` bytes.

    Objects that are missing are passed over. Raises GitFailed.
    """
    asked = "".join(f"{object_id}\n" for object_id in ids).encode()
    if not asked:
        return
    async with aclosing(store.stream(["cat-file", "--batch", "--buffer"], stdin=asked)) as pieces:
        source = _Source(pieces, store.path.name)
        while (header := await source.line()) is not None:
            fields = header.decode("ascii", "replace").split(" ")
            if len(fields) == 2 and fields[1] in ("missing", "ambiguous"):
                continue
            if len(fields) != 3 or not fields[2].isdigit():
                raise GitFailed(f"{store.path.name}: {header[:80]!r} is no object of cat-file")
            size = int(fields[2])
            content = await source.take(size, keep=size <= most)
            await source.take(1, keep=False)
            yield fields[0], fields[1], content


class _Source:
    """Pieces of bytes, taken by the line and by the number."""

    def __init__(self, pieces: AsyncIterator[bytes], what: str) -> None:
        self._pieces = pieces
        self._what = what
        self._held = b""
        self._at = 0

    async def _more(self) -> bool:
        piece = await anext(self._pieces, b"")
        self._held = self._held[self._at :] + piece
        self._at = 0
        return bool(piece)

    async def line(self) -> bytes | None:
        """The next line without its end; None where nothing follows."""
        while (end := self._held.find(b"\n", self._at)) < 0:
            if not await self._more():
                if self._held:
                    raise GitFailed(f"{self._what}: cat-file ended in the middle of a line")
                return None
        line, self._at = self._held[self._at : end], end + 1
        return line

    async def take(self, size: int, *, keep: bool) -> bytes | None:
        """The next `size` bytes; None, and nothing held, where they are not to be kept."""
        parts: list[bytes] = []
        while True:
            part = self._held[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            if keep:
                parts.append(part)
            if not size:
                return b"".join(parts) if keep else None
            if not await self._more():
                raise GitFailed(f"{self._what}: cat-file ended in the middle of an object")
