"""What is done about the webhooks of one place: repaired, doubles removed, nobody else's touched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cache.installed_hook import InstalledHook, fingerprint
from daemon.hooks import plan as planning
from daemon.hooks.plan import EVENTS, TOLD, Action, Kind, Present, Wanted, present
from gitea_client.fake.signals import expand_events
from gitea_client.wire import Hook

URL = "https://cache.example.org/webhooks/gitea"
MOVED = "https://old.example.org/webhooks/gitea"
FOREIGN = "https://chat.example.org/hooks/T0k3n"
SECRET, FORMER = b"the present secret", b"the one before"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WANTED = Wanted(URL, SECRET)
RIGHT = Present(1, URL, TOLD, made_at=NOON)
plan = partial(planning.plan, scope="acme")


def made(hook: Present, secret: bytes = SECRET) -> InstalledHook:
    """What is kept of a webhook that we made."""
    return InstalledHook(hook.id, "acme", hook.url, "salt", fingerprint(secret, "salt"), hook.made_at)


def kinds(actions: Sequence[Action]) -> list[tuple[Kind, int | None]]:
    return [(action.kind, action.hook.id if action.hook else None) for action in actions]


def test_where_there_is_none_one_is_made() -> None:
    assert kinds(plan(WANTED, [], [])) == [("create", None)]


def test_one_that_is_right_is_kept() -> None:
    """Guards idempotence: a second run must find nothing to do."""
    more = replace(RIGHT, events=TOLD | {"release", "issues"}, branch_filter="*")
    for hook in (RIGHT, more, replace(RIGHT, type="forgejo")):
        assert kinds(plan(WANTED, [hook], [made(hook)])) == [("keep", 1)]


def test_what_is_asked_for_comes_back_as_it_is_compared() -> None:
    """Guards against drift for ever: the servers list other names than those they are asked with."""
    assert frozenset(expand_events(list(EVENTS))) == TOLD


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"events": TOLD - {"delete", "create"}}, "events (lacks create, delete)"),
        ({"active": False}, "inactive"),
        ({"content_type": "form"}, "content type"),
        ({"branch_filter": "release/*"}, "branch filter"),
        ({"url": MOVED}, "address"),
    ],
)
def test_each_drift_is_named_and_changed_in_place(changed: dict[str, object], told: str) -> None:
    """Guards deliveries that were stopped by hand, in whatever way."""
    hook = replace(RIGHT, **changed)
    (action,) = plan(WANTED, [hook], [made(RIGHT)])
    assert (action.kind, action.drift, action.signed) == ("change", (told,), "current")


def test_another_secret_needs_another_webhook() -> None:
    """Guards against a PATCH that no forge obeys: it answers 200 and keeps the old secret."""
    (action,) = plan(WANTED, [RIGHT], [made(RIGHT, FORMER)])
    assert (action.kind, action.drift, action.signed) == ("replace", ("secret",), "other")


def test_a_webhook_of_a_chat_with_our_address_is_made_anew() -> None:
    """Guards against payloads in Slack's format: a type does not change in place."""
    (action,) = plan(WANTED, [replace(RIGHT, type="slack")], [made(RIGHT)])
    assert (action.kind, action.drift) == ("replace", ("type",))


def test_one_made_by_hand_is_kept_and_said_to_be_unknown() -> None:
    """Guards what a person set up: its secret may well be right."""
    (action,) = plan(WANTED, [RIGHT], [])
    assert (action.kind, action.signed) == ("keep", "unknown")
    assert kinds(plan(WANTED, [RIGHT], [], replace_unknown=True)) == [("replace", 1)]


def test_where_our_own_secret_is_not_known_nothing_is_called_wrong() -> None:
    """Guards a look from where the service manager's secret cannot be seen."""
    (action,) = plan(Wanted(URL, None), [RIGHT], [made(RIGHT)])
    assert (action.kind, action.signed) == ("keep", "unknown")


def test_one_made_by_hand_is_repaired_without_losing_its_secret() -> None:
    (action,) = plan(WANTED, [replace(RIGHT, active=False)], [])
    assert (action.kind, action.drift, action.signed) == ("change", ("inactive",), "unknown")


def test_of_several_the_one_known_to_be_right_stays() -> None:
    """Guards against telling everything twice, and against keeping the wrong one."""
    by_hand, ours, older = replace(RIGHT, id=1), replace(RIGHT, id=2), replace(RIGHT, id=3)
    actions = plan(WANTED, [by_hand, ours, older], [made(ours), made(older, FORMER)])
    assert kinds(actions) == [("keep", 2), ("delete", 1), ("delete", 3)]


def test_of_several_that_nobody_knows_none_is_trusted() -> None:
    """Guards against keeping the one of two whose secret is wrong."""
    assert kinds(plan(WANTED, [RIGHT, replace(RIGHT, id=2)], [])) == [("replace", 1), ("delete", 2)]


def test_others_are_left_alone_even_where_their_number_is_one_of_ours() -> None:
    """Guards somebody's chat: on another forge, or one set up anew, our old number is theirs."""
    chat = Present(1, FOREIGN, frozenset({"push"}), made_at=NOON + timedelta(days=1))
    assert kinds(plan(WANTED, [chat], [made(RIGHT)])) == [("create", None), ("leave", 1)]


@pytest.mark.parametrize("covered", [False, True])
def test_where_the_server_tells_no_time_a_number_alone_makes_nothing_ours(covered: bool) -> None:
    """Guards somebody's chat on a server that leaves created_at out: that both times are unknown makes them no one."""
    chat = Present(1, FOREIGN, frozenset({"push"}))
    assert ("leave", 1) in kinds(plan(None if covered else WANTED, [chat], [made(chat)]))
    (action,) = plan(WANTED, [replace(RIGHT, made_at=None)], [made(replace(RIGHT, made_at=None), FORMER)])
    assert (action.kind, action.signed) == ("keep", "unknown")


def test_what_was_made_at_another_place_says_nothing_about_this_one() -> None:
    """Guards a webhook that has the number of one of ours elsewhere. The forge writes names in whatever case."""
    moved = replace(RIGHT, url=MOVED)
    record = replace(made(RIGHT), scope="acme/meta")
    assert kinds(plan(WANTED, [moved], [record])) == [("create", None), ("leave", 1)]
    assert kinds(plan(None, [moved], [record])) == [("leave", 1)]
    assert kinds(plan(WANTED, [moved], [replace(record, scope="Acme")])) == [("change", 1)]


def test_where_another_covers_it_only_what_we_made_goes() -> None:
    """Guards a repository's webhook that a person added although there is one for the organization."""
    by_hand, ours = replace(RIGHT, id=1), replace(RIGHT, id=2)
    assert kinds(plan(None, [by_hand, ours], [made(ours)])) == [("delete", 2), ("leave", 1)]


def test_of_what_the_forge_tells_nothing_secret_is_kept() -> None:
    """Guards the authorization header, which the servers list in the clear."""
    hook = Hook(3, "gitea", True, {"url": URL, "content_type": "json"}, ("push",), " x ", "Bearer s3cret", NOON)
    assert present(hook) == Present(3, URL, frozenset({"push"}), branch_filter="x", made_at=NOON)
    assert "s3cret" not in repr(present(hook))


# ------------------------------------------------------------------------------------------- by property

ADDRESSES = [URL, f"{URL}/", URL.replace("https://cache", "HTTPS://Cache").replace(".org", ".org:443"), MOVED, FOREIGN]


@st.composite
def places(draw: st.DrawFn) -> tuple[list[Present], list[InstalledHook]]:
    """A place in any state, and what we remember of it: of some of its webhooks, and of others long gone."""
    hooks, records = [], []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        hook = Present(
            number,
            draw(st.sampled_from(ADDRESSES)),
            draw(st.frozensets(st.sampled_from([*sorted(TOLD), "issues"]))),
            draw(st.sampled_from(["gitea", "forgejo", "slack"])),
            draw(st.booleans()),
            draw(st.sampled_from(["json", "form"])),
            draw(st.sampled_from(["", "*", "release/*"])),
            NOON,
        )
        hooks.append(hook)
        if draw(st.booleans()):
            record = made(hook, draw(st.sampled_from([SECRET, FORMER])))
            records.append(record if draw(st.booleans()) else replace(record, made_at=NOON - timedelta(days=1)))
    return hooks, records


def carried_out(
    actions: Sequence[Action], hooks: list[Present], records: list[InstalledHook]
) -> tuple[list[Present], list[InstalledHook]]:
    """The place after a forge did as it was told."""
    numbers = count(max([0, *(hook.id for hook in hooks)]) + 1)
    there, kept = {hook.id: hook for hook in hooks}, {record.hook_id: record for record in records}
    for action in actions:
        if action.kind in ("create", "replace"):
            fresh = Present(next(numbers), URL, TOLD, made_at=NOON + timedelta(hours=1))
            there[fresh.id], kept[fresh.id] = fresh, made(fresh)
        if action.hook is not None and action.kind in ("replace", "delete"):
            del there[action.hook.id]
            kept.pop(action.hook.id, None)
        if action.hook is not None and action.kind == "change":
            there[action.hook.id] = replace(
                there[action.hook.id], url=URL, events=TOLD, active=True, content_type="json", branch_filter="*"
            )
    return list(there.values()), list(kept.values())


@given(places(), st.booleans())
def test_once_is_enough_and_leaves_exactly_one(place: tuple[list[Present], list[InstalledHook]], renew: bool) -> None:
    """Guards `sync --apply` run from cron: the second run does nothing, and one good webhook is there."""
    hooks, records = carried_out(plan(WANTED, *place, replace_unknown=renew), *place)
    again = plan(WANTED, hooks, records, replace_unknown=renew)
    assert not any(action.does for action in again)
    (kept,) = [action for action in again if action.kind == "keep"]
    assert kept.drift == ()
    assert kept.signed == "current" or (kept.signed == "unknown" and not renew)


@given(places(), st.booleans(), st.booleans())
def test_nobody_elses_is_ever_touched(
    place: tuple[list[Present], list[InstalledHook]], renew: bool, covered: bool
) -> None:
    """Guards every webhook that has neither our address nor our making, whatever else is the matter."""
    hooks, records = place
    ours = {r.hook_id for r in records if r.made_at == NOON}
    actions = plan(None if covered else WANTED, hooks, records, replace_unknown=renew)
    after = {hook.id: hook for hook in carried_out(actions, hooks, records)[0]}
    for hook in hooks:
        if hook.id not in ours and hook.url in (MOVED, FOREIGN):
            assert after[hook.id] == hook
    assert sorted(a.hook.id for a in actions if a.hook) == [hook.id for hook in hooks], "each is accounted for"
