"""Regular expressions of profiles, run over what strangers write.

Whoever writes a profile is trusted, and may all the same write `(\\w+\\s?)+:`, which on some texts takes longer than
anybody lives. So these expressions, unlike our own, are run by the library `regex`, which can be given a limit of time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from time import thread_time
from typing import Any

from msgspec import Struct

from cache.profile.nodes import NodeError
from cache.profile.rules import problem, shown

try:
    import regex
except ImportError:  # an environment made before it was needed: expressions are run all the same, without the limit
    regex = None

SECONDS = 0.1
"""For one expression over one text; what people write takes microseconds."""
SECONDS_OF_FILE = 0.5
"""For all expressions over one file."""


class _File(threading.local):
    left = float("inf")


_file = _File()


@contextmanager
def one_file() -> Iterator[None]:
    """Everything that is run within is over one file."""
    _file.left = SECONDS_OF_FILE
    try:
        yield
    finally:
        _file.left = float("inf")


class Expression(Struct, frozen=True):
    """An expression, equal when written alike."""

    text: str
    ignore_case: bool = True

    def fullmatch(self, text: str) -> Any:
        """The match of all of a text, None where there is none. SlowError."""
        return self._run(lambda pattern, limit: pattern.fullmatch(text, **limit))

    def find(self, text: str) -> list[Any]:
        """The matches in a text. SlowError."""
        return list(self._run(lambda pattern, limit: list(pattern.finditer(text, **limit))))

    def split(self, text: str) -> list[str | None]:
        """A text taken apart where there are matches. SlowError."""
        return list(self._run(lambda pattern, limit: pattern.split(text, **limit)))

    def _run(self, run: Callable[[Any, Mapping[str, float]], Any]) -> Any:
        pattern = _compiled(self.text, self.ignore_case)
        if regex is None:
            return run(pattern, {})
        if _file.left <= 0:
            raise SlowError(self.text)
        began = thread_time()
        try:
            return run(pattern, {"timeout": min(SECONDS, _file.left)})
        except TimeoutError:
            raise SlowError(self.text) from None
        finally:
            _file.left -= thread_time() - began


class SlowError(NodeError):
    """An expression takes too long over a text."""

    def __init__(self, expression: str) -> None:
        message = f"The profile's expression {shown(expression)} takes too long over this text; simplify either."
        super().__init__(problem("too-slow", message))


_BROKEN: tuple[type[Exception], ...] = (RecursionError, OverflowError, re.error)
if regex is not None:
    _BROKEN += (regex.error,)


class BrokenError(ValueError):
    """It is no expression; the message says why."""


def checked(text: str, *, ignore_case: bool = True) -> int:
    """The number of groups of an expression. BrokenError: it is none."""
    try:
        re.compile(text, re.IGNORECASE if ignore_case else 0)  # what is documented is Python's own syntax
        return int(_compiled(text, ignore_case).groups)
    except _BROKEN as error:
        raise BrokenError(str(error)) from None


@lru_cache(maxsize=1024)
def _compiled(text: str, ignore_case: bool) -> Any:
    if regex is None:
        return re.compile(text, re.IGNORECASE if ignore_case else 0)
    return regex.compile(text, regex.IGNORECASE if ignore_case else 0)
