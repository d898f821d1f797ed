"""How many examples a property test gets, where one costs more than most."""

from __future__ import annotations

from hypothesis import settings


def examples(gate: int, soak: int = 5_000) -> int:
    """So many in the gate, and so many in the long form (`make soak`), which an own number would else do away with."""
    return soak if settings.get_current_profile_name() == "soak" else gate
