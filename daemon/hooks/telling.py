"""What `forgeglass hooks` found and did, as people read it. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from daemon.hooks.outcome import Outcome, Step
from daemon.hooks.plan import Action

_KINDS: Final = {"organization": "organization", "user": "user", "repository": "repository"}
UNKNOWN: Final = (
    "we did not make it, so whether its secret is right is not known (`forgeglass doctor` tries it, "
    "`hooks sync --replace-unknown` replaces it)"
)


def lines(outcome: Outcome, verb: str) -> Iterator[str]:
    """The lines of a listing (`verb` list) or of a sync."""
    yield f"webhooks to {outcome.address}"
    for each in outcome.covered:
        yield f"{each.place.label} ({_KINDS[each.place.kind]})"
        for step in each.steps:
            if step.action.kind != "leave":
                yield f"  {_listed(step.action) if verb == 'list' else _done(step)}"
        if each.others:
            yield f"  {each.others} not ours, left alone"
    yield from outcome.notes
    if outcome.covered:
        yield _end(outcome, verb)


def troubles(outcome: Outcome) -> Iterator[str]:
    """What could not be read or done, each with its remedy."""
    for trouble in (*outcome.unread, *outcome.failed):
        yield f"{trouble.scope}: {trouble.error}"
        yield f"  remedy: {trouble.remedy}"


def _listed(action: Action) -> str:
    if action.hook is None:
        return "none: deliveries are not sent here"
    name = f"#{action.hook.id}"
    if action.kind == "delete":
        return f"{name} too many: {', '.join(action.drift)}"
    if action.drift:
        return f"{name} differs: {', '.join(action.drift)}"
    return f"{name} as it should be" if action.signed == "current" else f"{name} as it should be; {UNKNOWN}"


def _done(step: Step) -> str:
    action = step.action
    if action.hook is None:
        return f"made #{step.made}" if step.done else "would make one"
    name, why = f"#{action.hook.id}", ", ".join(action.drift)
    if action.kind == "keep":
        return f"kept {name}" if action.signed == "current" else f"kept {name}; {UNKNOWN}"
    if action.kind == "replace":
        return f"replaced {name} by #{step.made}: {why}" if step.done else f"would replace {name}: {why}"
    verb = "change" if action.kind == "change" else "delete"
    return f"{verb}d {name}: {why}" if step.done else f"would {verb} {name}: {why}"


def _end(outcome: Outcome, verb: str) -> str:
    if outcome.failed:
        return "not everything could be done"
    if outcome.in_order:
        return "in order" if not outcome.unread else "in order, as far as could be seen"
    return "nothing was changed; `forgeglass hooks sync --apply` does it"
