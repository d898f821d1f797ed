"""Objects as `git cat-file --batch` tells them, one at a time: however many there are, one is held."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from gitea_client.errors import GitFailed


class Source(Protocol):
    """What objects are read from: an ObjectStore."""

    path: Path

    def stream(self, arguments: Sequence[str | bytes], *, stdin: bytes = b"") -> AsyncGenerator[bytes, None]:
        """What git says, in pieces."""
        ...


async def objects(
    store: Source, ids: Iterable[str], *, most: int, cut: bool = False
) -> AsyncIterator[tuple[str, str, bytes | None]]:
    """Id, type and content of each object that is held, in the order asked; None for one longer than `most` bytes.

    With `cut` the first `most` bytes of a longer one are given instead. Objects that are missing are passed over.
    Raises GitFailed.
    """
    asked = "".join(f"{object_id}\n" for object_id in ids).encode()
    if not asked:
        return
    async with aclosing(store.stream(["cat-file", "--batch", "--buffer"], stdin=asked)) as pieces:
        source = _Pieces(pieces, store.path.name)
        while (header := await source.line()) is not None:
            fields = header.decode("ascii", "replace").split(" ")
            if len(fields) == 2 and fields[1] in ("missing", "ambiguous"):
                continue
            if len(fields) != 3 or not fields[2].isdigit():
                raise GitFailed(f"{store.path.name}: {header[:80]!r} is no object of cat-file")
            size = int(fields[2])
            kept = size if size <= most else most if cut else 0
            content = await source.take(kept)
            await source.skip(size - kept + 1)
            yield fields[0], fields[1], content if kept == size or cut else None


class _Pieces:
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

    async def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        parts: list[bytes] = []
        while size:
            if self._at == len(self._held) and not await self._more():
                raise GitFailed(f"{self._what}: cat-file ended in the middle of an object")
            parts.append(self._held[self._at : self._at + size])
            self._at += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)

    async def skip(self, size: int) -> None:
        """Pass over the next `size` bytes without holding them."""
        while size:
            size -= len(await self.take(min(size, 1 << 20)))
