"""How much a git program, and a repository's store, may take. Plain numbers, no I/O."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

MiB: Final = 1 << 20


class ProgramLimits(Struct, frozen=True):
    """What one program may take, with all that it starts: what is reached ends that program alone.

    `memory` is bytes of address space, `processor` seconds of computing, `file` bytes of any one file that it writes.
    """

    memory: int = 1024 * MiB
    processor: int = 900
    file: int = 2048 * MiB


class StoreLimits(Struct, frozen=True):
    """What one repository's store may cost: bytes of memory and seconds of one git program, bytes that one fetch
    brings, bytes of the disk that fetching leaves free."""

    memory: int = 1024 * MiB
    seconds: float = 900.0
    fetch_size: int = 2048 * MiB
    disk_free: int = 0

    @property
    def reading(self) -> ProgramLimits:
        """Of a program that reads what is here: it writes nothing but a few refs."""
        return ProgramLimits(self.memory, max(1, round(self.seconds)), 64 * MiB)

    def fetching(self, room: int) -> ProgramLimits:
        """Of a program that fetches where `room` bytes may be written. One pack is one file: its size is what comes."""
        return ProgramLimits(self.memory, max(1, round(self.seconds)), min(self.fetch_size, max(room, MiB)))


ORDINARY: Final = ProgramLimits()
ORDINARY_STORE: Final = StoreLimits()
