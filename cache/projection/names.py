"""Paths that would name an entry but for bytes that are not Unicode: told as findings, never silently missing.

Git's paths are bytes. What is not UTF-8 is a lone surrogate here (PEP 383), which no database column and no JSON
takes, and which no pattern matches; nor does one match control characters.
"""

from __future__ import annotations

import re

from cache.profile.patterns import PathPattern

_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONE = re.compile("[\x1a\ud800-\udfff]")
_STORED = re.compile("\x1a([0-9a-f]{4})")


def nearly_matches(pattern: PathPattern, path: str) -> bool:
    """Whether a path does not match a pattern, and would with another letter for each odd character."""
    return _ODD.search(path) is not None and pattern.match(_ODD.sub("\ufffd", path)) is not None


def shown_path(path: str) -> str:
    """A path for people: odd characters as backslash escapes, bytes that are not UTF-8 as `\\xNN`."""
    return _ODD.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", path)


def stored_path(path: str) -> str:
    """A path as a row holds it. Two paths never become one: the escape begins with a character that is itself escaped.

    That character is a control character, so what is escaped matches no pattern, as before.
    """
    return _LONE.sub(lambda found: f"\x1a{ord(found[0]):04x}", path)


def path_of(stored: str) -> str:
    """The path that a row holds: the inverse of `stored_path`."""
    return _STORED.sub(lambda found: chr(int(found[1], 16)), stored)
