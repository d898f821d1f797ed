"""What a delivery points at, on both forges, and that no body whatever does harm."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_samples import push, recorded

from webhooks.delivery import Delivery, Malformed, parse
from webhooks.scope import Scope, merge

SHA = "a" * 40
REPOSITORY = {"id": 7, "full_name": "acme/meta", "owner": {"login": "acme"}}


def read(event: str, payload: dict[str, Any], **extra: str) -> Delivery:
    """Parse a payload of one event; extra headers replace the usual ones."""
    head = {"X-Gitea-Delivery": "d", "X-Gitea-Event": event, "X-Gitea-Event-Type": event, **extra}
    delivery = parse(head, json.dumps({"repository": REPOSITORY, **payload}).encode())
    assert isinstance(delivery, Delivery)
    return delivery


def test_every_recorded_delivery_points_at_its_repository() -> None:
    """Guards against the shapes that live servers send, form included."""
    seen: Counter[str] = Counter()
    for each in recorded():
        delivery = parse(each.headers, each.body)
        assert isinstance(delivery, Delivery), each.step
        assert delivery.repository_id
        assert delivery.full_name.count("/") == 1
        assert delivery.label == delivery.event != ""
        if delivery.event.startswith("pull_request_review") or each.step.startswith("tag "):
            assert delivery.ignored
        else:
            assert not delivery.ignored, each.step
            refs = delivery.event in ("push", "create", "delete")  # which are looked at in any case
            assert (delivery.scope == Scope()) == refs, each.step
        seen[delivery.event] += 1
    assert {"push", "create", "delete", "repository", "fork", "pull_request", "pull_request_sync"} <= seen.keys()


def test_both_forges_say_the_same_of_the_same_scenario() -> None:
    """Guards Forgejo: ids and times differ between the recordings, what to look at does not."""

    def told(server: str) -> Counter[Any]:
        deliveries = [parse(each.headers, each.body) for each in recorded() if each.server == server]
        return Counter(
            (
                each.event,
                each.full_name,
                each.scope.pulls,
                each.scope.owners,
            )
            for each in deliveries
            if isinstance(each, Delivery)
        )

    assert told("gitea") == told("forgejo") != Counter()


@pytest.mark.parametrize("ref", ["propose/x", "refs/heads/propose/x"])
def test_create_and_delete_name_a_branch_short_or_in_full(ref: str) -> None:
    """Guards the difference between Gitea, which sends the short name, and Forgejo, which sends the ref."""
    created = read("create", {"ref": ref, "ref_type": "branch", "sha": SHA})
    deleted = read("delete", {"ref": ref, "ref_type": "branch"})
    assert (created.ignored, deleted.ignored) == ("", "")


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("push", {"ref": "refs/tags/v1", "after": SHA}),
        ("create", {"ref": "v1", "ref_type": "tag", "sha": SHA}),
        ("delete", {"ref": "refs/tags/v1", "ref_type": "tag"}),
        ("status", {"sha": SHA}),
        ("package", {"action": "created"}),
        ("issues", {"action": "opened", "number": 3}),
        ("pull_request_comment", {"action": "created"}),
        ("pull_request_review_approved", {"number": 3}),
        ("invented_by_a_later_version", {}),
    ],
)
def test_what_cannot_concern_us_is_ignored_with_a_reason(event: str, payload: dict[str, Any]) -> None:
    """Guards the queue from a forge whose workflows send a status every second."""
    delivery = read(event, payload)
    assert delivery.ignored
    assert delivery.scope == Scope()
    assert delivery.repository_id == 7


def test_the_events_type_goes_before_the_event() -> None:
    """Guards the routes: six kinds of event share the Event `pull_request`, and Gitea's `status` has an empty one."""
    assert (
        read("pull_request", {"number": 4}, **{"X-Gitea-Event-Type": "pull_request_sync"}).event == "pull_request_sync"
    )
    assert read("", {}, **{"X-Gitea-Event-Type": "status"}).event == "status"
    assert read("push", {"ref": "refs/heads/x"}, **{"X-Gitea-Event-Type": ""}).event == "push"


@pytest.mark.parametrize("forge", ["Gitea", "Forgejo", "Gogs", "GitHub"])
def test_any_one_forges_headers_are_enough(forge: str) -> None:
    """Guards a Forgejo that stops sending Gitea's headers."""
    delivery = parse({f"X-{forge}-Delivery": "d-9", f"x-{forge.lower()}-event": "push"}, push())
    assert isinstance(delivery, Delivery)
    assert (delivery.id, delivery.event) == ("d-9", "push")
    assert delivery.ignored == ""


@pytest.mark.parametrize("event", ["pull_request", "pull_request_sync", "pull_request_label", "pull_request_milestone"])
def test_a_pull_request_is_named_by_its_number(event: str) -> None:
    """Guards every subtype, and the payload that names it inside alone."""
    assert read(event, {"action": "x", "number": 12}).scope.pulls == {12}
    assert read(event, {"pull_request": {"number": 12}}).scope.pulls == {12}


def test_a_repository_that_comes_or_goes_concerns_its_owners_list() -> None:
    """Guards the sweep of owners: a hook of an organisation is told of new repositories."""
    assert read("repository", {"action": "created"}).scope.owners == {"acme"}
    fork = {"repository": {"id": 9, "full_name": "bob/meta", "owner": {"username": "bob"}}, "forkee": REPOSITORY}
    delivery = read("fork", fork)
    assert (delivery.repository_id, delivery.scope.owners) == (9, {"bob"})
    assert read("repository", {"repository": {"id": 9, "full_name": "bob/x", "owner": None}}).scope.owners == {"bob"}


WRONG: list[Any] = [None, True, False, 0, -1, 1.5, 2**63, 10**40, "", "7", "\x00", "x" * 2000, [], {}, [[]]]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_field_of_the_wrong_shape_counts_as_missing(wrong: Any) -> None:
    """Guards against a number where a name should be, and against ids that no column can hold."""
    assert read("push", {"repository": {"id": wrong}}).ignored
    assert read("push", {"repository": wrong}).ignored
    pull = read("pull_request", {"number": wrong, "pull_request": wrong})
    assert not pull.ignored
    assert pull.scope.pulls == frozenset()
    for event in ("push", "create"):
        delivery = read(event, {"ref": "refs/heads/x", "after": wrong, "sha": wrong, "ref_type": wrong})
        assert not delivery.ignored, "the repository is worth a look all the same"
        assert delivery.scope == Scope()
    if wrong not in ("7",):
        assert read("delete", {"ref": wrong, "ref_type": "branch"}).scope == Scope()
        owner = {"id": 7, "full_name": wrong, "owner": {"login": wrong}}
        assert read("repository", {"repository": owner}).scope == Scope()


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b'{"a":', b"\xff\xfe", b"[" * 1_000_000, b'{"repository":' * 300_000, b'"\\ud800"'],
    ids=["empty", "null", "list", "number", "cut", "not-utf8", "deep-list", "deep-object", "surrogate"],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    """Guards against a body that ends the process: deep nesting exhausts a careless parser's stack."""
    assert isinstance(parse({"X-Gitea-Delivery": "d", "X-Gitea-Event": "push"}, body), Malformed)


def test_deep_nesting_inside_a_field_is_survived() -> None:
    """Guards the fields that are read one by one."""
    for field in (b"ref", b"repository", b"commits"):
        body = b'{"repository":{"id":7},"%s":%s%s}' % (field, b"[" * 100_000, b"]" * 100_000)
        assert parse({"X-Gitea-Delivery": "d", "X-Gitea-Event": "push"}, body)


@pytest.mark.parametrize("delivery_id", ["", " ", "x" * 201, "a b", "\x00", "é", "a\nb"])
def test_a_delivery_without_a_usable_id_is_malformed(delivery_id: str) -> None:
    """Guards the inbox, which tells a repeated delivery by its id; none must pass for another."""
    assert isinstance(parse({"X-Gitea-Delivery": delivery_id, "X-Gitea-Event": "push"}, push()), Malformed)


def test_a_form_says_what_its_json_says() -> None:
    """Guards hooks of content type form."""
    head = {"X-Gitea-Delivery": "d", "X-Gitea-Event": "push"}
    form = {**head, "Content-Type": "application/x-www-form-urlencoded"}
    assert parse(form, urlencode({"payload": push()}).encode()) == parse(head, push())
    assert isinstance(parse(form, b"payload=%7b"), Malformed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
FIELDS = ["ref", "after", "before", "sha", "ref_type", "number", "pull_request", "repository", "action", "forkee"]
EVENTS = ["push", "create", "delete", "repository", "fork", "pull_request", "pull_request_sync", "status", "", "new"]


@given(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(FIELDS), json_values), json_values, json_values)
def test_any_json_in_any_field_is_survived(event: str, payload: dict[str, Any], identity: Any, owner: Any) -> None:
    """Guards the type checks, field by field: what comes out is a delivery with values of the right kinds."""
    payload.setdefault("repository", {"id": identity, "full_name": owner, "owner": {"login": owner}})
    delivery = parse({"x-gitea-delivery": "d", "x-gitea-event": event}, json.dumps(payload).encode())
    if isinstance(delivery, Delivery):
        assert delivery.repository_id is None or 0 < delivery.repository_id < 2**63
        assert all(0 < number < 2**63 for number in delivery.scope.pulls)


@given(
    st.dictionaries(st.sampled_from(["x-gitea-delivery", "x-forgejo-event", "content-type"]), st.text()), st.binary()
)
def test_arbitrary_bytes_are_survived(head: dict[str, str], body: bytes) -> None:
    """Guards the parser as a whole."""
    assert isinstance(parse(head, body), Delivery | Malformed)


def test_a_metrics_label_comes_from_a_fixed_set() -> None:
    """Guards metrics from a sender who invents an event a second."""
    assert read("pull_request_sync", {}).label == "pull_request_sync"
    assert read("status", {}).label == "status"
    assert read("made_up_1", {}).label == "other"
    assert read("made_up_1", {}).event == "made_up_1"


def test_the_deliveries_of_one_large_push_become_one_scope() -> None:
    """Guards the forge: a push of 55 branches sends 110 deliveries and must not cost 110 reads."""
    sent = [each for each in recorded() if each.server == "gitea"]
    ((step, _),) = Counter(each.step for each in sent).most_common(1)
    read = [parse(each.headers, each.body) for each in sent if each.step == step]
    deliveries = [each for each in read if isinstance(each, Delivery)]
    assert len(deliveries) == len(read) >= 100
    merged = merge(deliveries)
    assert len(merged) <= 2
    assert merged.keys() == {each.repository_id for each in deliveries}
    for key, scope in merged.items():
        assert scope.owners == {p for each in deliveries if each.repository_id == key for p in each.scope.owners}
