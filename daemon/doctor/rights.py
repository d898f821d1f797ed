"""The token: whether the forge accepts it, and each right by trying it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from daemon.doctor.patient import Patient
from daemon.doctor.reaching import ANY
from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.paths import segment
from gitea_client.rest import API
from gitea_client.transport import Answer, Query


class Right(Struct, frozen=True):
    """A scope of tokens, and a read that needs it."""

    scope: str
    path: str
    query: Query = {}


def rights(owner: str) -> tuple[Right, ...]:
    """The four rights, each with the smallest question that needs it."""
    return (
        Right("read:repository", f"{API}/repos/search", {"limit": 1}),
        Right("read:issue", f"{API}/repos/issues/search", {"limit": 1, "type": "pulls"}),
        Right("read:organization", f"{API}/orgs/{segment(owner)}"),
        Right("read:user", f"{API}/user"),
    )


NEW_TOKEN: Final = (
    "make a token with the scopes read:repository, read:issue, read:organization and read:user, "  # noqa: S105
    "and put it into forge.token_file"
)


async def token(patient: Patient) -> Sequence[Result]:
    """Whether there is a token and the forge knows it."""
    if patient.transport.token is None:
        return [await _without_token(patient)]
    answer = await patient.transport.request("GET", f"{API}/user", accept_statuses=ANY)
    if answer.status == 401:
        return [fail("token", f"the forge does not accept the token of {_source(patient)}", NEW_TOKEN)]
    found = [ok("token", f"the forge accepts the token of {_source(patient)}{_whose(answer)}")]
    if patient.wide is not None:
        wider = await patient.wide.request("GET", f"{API}/user", accept_statuses=ANY)
        if wider.status == 401:
            remedy = "give --token-file a token of an administrator or owner, with write:repository"
            found.append(fail("token", "the forge does not accept the token of --token-file", remedy))
    return found


async def each_right(patient: Patient) -> Sequence[Result]:
    """Try every right; a right that only a missing sign-in denies is the token's."""
    if patient.transport.token is None:
        return [ok("rights", "what is public may be read without a token")]
    wanted = rights(patient.config.forge.owners[0])
    answers = [
        await patient.transport.request("GET", right.path, query=right.query or None, accept_statuses=ANY)
        for right in wanted
    ]
    lacking = [found for pair in zip(wanted, answers, strict=True) if (found := judged(*pair)) is not None]
    return lacking or [ok("rights", f"the token may {', '.join(right.scope for right in wanted)}")]


def judged(right: Right, answer: Answer) -> Result | None:
    """What an answer says against a right, if anything. 404 is said after the right was found good. Pure."""
    if answer.status not in (401, 403):
        return None
    said = _message(answer)
    remedy = f"make a token that has the scope {right.scope} as well, and put it into forge.token_file"
    if "limited to public" in said:
        remedy = "make a token for all repositories, not for public ones only, and put it into forge.token_file"
        return fail("rights", "the token is limited to what is public", remedy)
    if "scope" in said or not said:
        return fail("rights", f"the token lacks {right.scope}", remedy)
    return fail("rights", f"the forge denies {right.scope} to the token: {said}", remedy)


async def _without_token(patient: Patient) -> Result:
    """Unwise where things are public; a failure where REQUIRE_SIGNIN_VIEW denies everything to those without."""
    answer = await patient.anonymous.request("GET", f"{API}/repos/search", query={"limit": 1}, accept_statuses=ANY)
    if answer.status in (401, 403):
        what = "no token is given, and the forge shows nothing to those who do not sign in"
        return fail("token", what, NEW_TOKEN)
    return warn("token", "no token is given: only what everybody may see is read", NEW_TOKEN)


def _source(patient: Patient) -> str:
    return str(patient.config.forge.token_file or "the environment")


def _whose(answer: Answer) -> str:
    try:
        said = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        return ""
    login = said.get("login") if isinstance(said, dict) else None
    return f" (user {login[:60]})" if isinstance(login, str) and login else ""


def _message(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return message[:150] if isinstance(message, str) else ""
