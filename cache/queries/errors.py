"""What can be wrong with a question."""

from __future__ import annotations


class QueryError(ValueError):
    """A question that cannot be answered as it was put.

    `kind` is a stable word for programs, the message names the parameter and the remedy for people.
    """

    def __init__(self, kind: str, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.parameter = parameter

    @property
    def sentence(self) -> str:
        """The message with its full stop; one that ends by asking has its mark."""
        said = str(self)
        return said if said.endswith("?") else f"{said}."


class NothingThere(QueryError):
    """What was asked for by its name is not there: `not-found`, or `no-text` where it is there and has no text."""
