"""A stand-in for Gitea and Forgejo, for tests and demonstrations: real repositories, real smart HTTP, and every
blind spot of the servers' signals, on one address of this machine."""

from __future__ import annotations

from .deliveries import Delivery
from .faults import Fault
from .listening import Request
from .merging import Refusal
from .objects import NULL_ID, GitError, StandInError
from .standin import StandIn
from .state import Unknown
from .writing import Conflict, Executable, Submodule, Symlink

__all__ = [
    "NULL_ID", "Conflict", "Delivery", "Executable", "Fault", "GitError", "Refusal", "Request", "StandIn",
    "StandInError", "Submodule", "Symlink", "Unknown",
]  # fmt: skip
