"""A value that must not be printed: the forge's token, a webhook secret."""

from __future__ import annotations


class Secret:
    """Hold a secret so that logs, errors and reprs show `***`.

    Equality is identity: comparing the contents is the business of `hmac.compare_digest`, on what `reveal` gives.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value. Call this only where it is sent or compared."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is not pickled or copied into a file")
