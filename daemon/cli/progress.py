"""A progress line on a terminal; nothing where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TextIO

WIDTH = 30


class ProgressLine:
    """Draws one line over and over, and wipes it at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._drawn = False

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Draw `what`, and how much `of` it is `done`."""
        if not self._shown:
            return
        done, of = int(progress.get("done", 0)), int(progress.get("of", 0))
        filled = WIDTH * done // of if of else 0
        bar = "#" * filled + "-" * (WIDTH - filled)
        self._stream.write(f"\r\033[K{progress.get('what', '')} [{bar}] {done}/{of}")
        self._stream.flush()
        self._drawn = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
