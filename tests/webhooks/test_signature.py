"""Only who knows the secret is listened to."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_samples import SECRET, headers, push, recorded, sign

from webhooks.signature import HEADERS, signed, verify

BODY = push()


def test_every_recorded_delivery_verifies_with_its_secret_alone() -> None:
    """Guards against a rule that only our own tests follow: these were signed by the servers' own."""
    seen = 0
    for each in recorded():
        assert verify(each.body, each.headers, [each.secret]), each.step
        assert not verify(each.body, each.headers, [b"another"]), each.step
        assert not verify(each.body + b" ", each.headers, [each.secret]) or b"payload=" in each.body, each.step
        seen += 1
    assert seen > 300


@pytest.mark.parametrize("name", HEADERS)
def test_any_one_of_the_headers_is_enough(name: str) -> None:
    """Guards Forgejo alone, Gogs alone, and GitHub's spelling with its prefix."""
    value = ("sha256=" if "hub" in name else "") + sign(BODY)
    assert verify(BODY, {name.title(): value}, [SECRET])


@pytest.mark.parametrize("secrets", [[b"old", SECRET], [SECRET, b"new"], [b"", SECRET]])
def test_two_secrets_serve_while_one_replaces_the_other(secrets: list[bytes]) -> None:
    """Guards the rotation: the forge's hooks are changed one by one."""
    assert verify(BODY, headers(BODY), secrets)


@pytest.mark.parametrize(
    ("given_headers", "secrets"),
    [
        ({}, [SECRET]),
        ({"X-Gitea-Signature": ""}, [SECRET]),
        ({"X-Gitea-Signature": "sha256="}, [SECRET]),
        ({"X-Gitea-Signature": sign(BODY, b"")}, [b""]),
        ({"X-Gitea-Signature": sign(BODY)}, []),
        ({"X-Gitea-Signature": sign(BODY)[:-1]}, [SECRET]),
        ({"X-Hub-Signature": "sha1=" + sign(BODY)}, [SECRET]),
        ({"X-Gitea-Signature": sign(BODY).upper()}, [SECRET]),
    ],
    ids=["none", "empty", "empty-prefixed", "empty-secret", "no-secret", "short", "sha1", "upper-case"],
)
def test_nothing_less_than_the_digest_is_accepted(given_headers: dict[str, str], secrets: list[bytes]) -> None:
    """Guards against failing open: a hook without a secret sends the headers empty."""
    assert not verify(BODY, given_headers, secrets)


@pytest.mark.parametrize("name", ["X-Signature", "X-Hub-Signature", "Authorization", "Cookie"])
def test_a_digest_in_any_other_header_is_none(name: str) -> None:
    """Guards: what a proxy or a person puts elsewhere was not put there by the forge as its signature."""
    assert not verify(BODY, {name: sign(BODY)}, [SECRET])
    assert verify(BODY, {name: "x", "X-Gitea-Signature": sign(BODY)}, [SECRET])


def test_a_signature_that_no_forge_writes_is_wrong_and_no_error() -> None:
    """Guards a header with half a surrogate pair, as undecodable bytes arrive from HTTP."""
    assert not verify(BODY, {"X-Gitea-Signature": "\udcff" + sign(BODY)}, [SECRET])
    assert verify(BODY, {"X-Gogs-Signature": "\udcff", "X-Gitea-Signature": f" {sign(BODY)} "}, [SECRET])


@pytest.mark.parametrize("strays", [1_000, 1_001])
def test_a_form_of_signs_that_begin_no_escape_has_a_bound(strays: int) -> None:
    """Guards the event loop's thread: over all pieces together, not each, and the bound itself still passes."""
    form = b"payload=" + b"%" * (strays - 1) + b"x" * 200_000 + b"%"
    found = signed(form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert found == (form.removeprefix(b"payload=") if strays == 1_000 else None)


def test_a_field_that_only_begins_like_the_payload_is_another() -> None:
    """Guards: the name ends where its field does, and an empty first field is one."""
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    assert signed(b"&payload=x", head) == b"x"
    assert signed(b"p&payload=&payload=y", head) == b""
    assert signed(b"payload&=x", head) is None


@given(st.text())
def test_a_form_is_signed_over_the_json_inside_it(value: str) -> None:
    """Guards hooks of content type form, whose body is not what was signed."""
    content = value.encode("utf-8", "replace")
    form = urlencode({"other": "x&y", "payload": content}).encode()
    head = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "X-Gitea-Signature": sign(content)}
    assert signed(form, head) == content
    assert verify(form, head, [SECRET])
    assert not verify(form, {**head, "X-Gitea-Signature": sign(form)}, [SECRET])


@pytest.mark.parametrize("form", [b"", b"&" * 50_000, b"payloads=x", b"x=payload"])
def test_a_form_without_its_field_is_not_verified(form: bytes) -> None:
    """Guards against an empty payload that somebody signed for another purpose, and against a form of separators."""
    head = {"Content-Type": "application/x-www-form-urlencoded", "X-Gitea-Signature": sign(b"")}
    assert signed(form, head) is None
    assert not verify(form, head, [SECRET])


def test_broken_escapes_stay_as_they_are() -> None:
    """Guards the decoder: a stray percent sign is data, not an error."""
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    assert signed(b"payload=%7b%zz%7d%+1%4", head) == b"{%zz}% 1%4"
    assert signed(f"payload={quote_plus('é+ ')}".encode(), head) == "é+ ".encode()


@given(st.binary(), st.dictionaries(st.sampled_from([*HEADERS, "content-type", "X"]), st.text()), st.lists(st.binary()))
def test_whatever_arrives_is_answered_without_an_exception(
    body: bytes, given_headers: dict[str, str], secrets: list[bytes]
) -> None:
    """Guards the unauthenticated edge: surrogates, odd lengths, anything."""
    assert not verify(body, given_headers, secrets)


@given(st.binary(max_size=300), st.integers(3, 8))
def test_a_long_form_is_decoded_in_pieces_as_it_would_be_in_one(content: bytes, piece: int) -> None:
    """Guards escapes that a piece's end would cut in two."""
    form = b"before=1&payload=" + quote_plus(content).encode() + b"&after=2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webhooks.signature._PIECE", piece)
        assert signed(form, {"Content-Type": "application/x-www-form-urlencoded"}) == content
