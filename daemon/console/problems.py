"""What can be wrong with an address of the console."""

from __future__ import annotations


class Absent(Exception):
    """There is nothing at this address; the message says what was looked for."""
