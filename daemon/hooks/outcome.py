"""What `forgeglass hooks` found and did: the object that it prints. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from daemon.hooks.places import Place
from daemon.hooks.plan import Action

WELL, DRIFT, NOT_ALL_READ = 0, 1, 3


class Step(Struct, frozen=True):
    """An action, and what became of it: `done` where it was taken, with the number of the webhook made."""

    action: Action
    done: bool = False
    made: int | None = None

    @property
    def open(self) -> bool:
        """Whether something is left to do."""
        return self.action.does and not self.done


class Covered(Struct, frozen=True):
    """A place that could be read. `others` are webhooks that are not ours; their addresses may be secrets."""

    place: Place
    steps: tuple[Step, ...]
    others: int


class Trouble(Struct, frozen=True):
    """Something that could not be read or done."""

    scope: str
    error: str
    remedy: str


class Outcome(Struct, frozen=True):
    """All of it. `notes` say why a better place was passed over."""

    address: str
    applied: bool
    covered: tuple[Covered, ...]
    notes: tuple[str, ...]
    unread: tuple[Trouble, ...]
    failed: tuple[Trouble, ...]

    @property
    def in_order(self) -> bool:
        """Whether nothing is left to do, as far as could be seen."""
        return not self.failed and not any(step.open for each in self.covered for step in each.steps)

    @property
    def code(self) -> int:
        """The exit code."""
        return NOT_ALL_READ if self.unread else WELL if self.in_order else DRIFT


def as_json(outcome: Outcome) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "address": outcome.address,
        "applied": outcome.applied,
        "in_order": outcome.in_order and not outcome.unread,
        "places": [
            {
                "scope": each.place.label,
                "kind": each.place.kind,
                "hooks": [_step(step) for step in each.steps if step.action.kind != "leave"],
                "others": each.others,
            }
            for each in outcome.covered
        ],
        "notes": list(outcome.notes),
        "errors": msgspec.to_builtins((*outcome.unread, *outcome.failed)),
    }


def _step(step: Step) -> dict[str, Any]:
    action = step.action
    return {
        "id": action.hook.id if action.hook is not None else None,
        "action": action.kind,
        "differs": list(action.drift),
        "secret": action.signed if action.hook is not None else None,
        "done": step.done,
        "made": step.made,
    }
