"""What a person can mend while setting up."""

from __future__ import annotations


class SetupError(Exception):
    """Told in one line, with its remedy; `code` is the exit code: 2 wrong use, 3 something could not be read."""

    WRONG = 2
    UNREADABLE = 3

    def __init__(self, message: str, code: int = WRONG) -> None:
        super().__init__(message)
        self.code = code
