"""The owners that are named: whether they exist, what they are, and which of their repositories are seen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from daemon.config.errors import nearest
from daemon.convert import repository_of
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.errors import ForgeError, Missing, Redirected
from gitea_client.rest import API, searched
from gitea_client.transport import Query
from gitea_client.wire import Repository, UserResults, decode


async def owners(patient: Patient) -> Sequence[Result]:
    """Look at every owner; what they have is kept for the checks that follow."""
    found = await asyncio.gather(*(_owner(patient, name) for name in patient.config.forge.owners))
    return [result for results in found for result in results]


async def _owner(patient: Patient, name: str) -> list[Result]:
    try:
        user = await patient.rest.user(name)
        kind = await _kind(patient, name)
    except Missing:
        return [await _unknown(patient, name)]
    except Redirected:
        what = f"{name} has another name now"
        return [fail("owners", what, "look at its page on the forge, and name it so in forge.owners")]
    listing = await patient.rest.repositories(user.id)
    patient.repositories[name] = seen = tuple(repository_of(item) for item in listing.items)
    if not seen:
        what = f"no repository of the {kind} {name} is visible to the token"
        remedy = f"add the token's user to a team of {name} that may read, or make a first repository"
        return [warn("owners", what, remedy)]
    told = f"{kind} {name}: {len(seen)} {'repository' if len(seen) == 1 else 'repositories'} visible"
    hidden = sum(one.private for one in seen)
    if hidden and patient.config.api.anonymous != "all":
        told += f", {hidden} not public: readers of these need a token (forgeglass token create)"
    return [ok("owners", told)]


async def _kind(patient: Patient, name: str) -> str:
    try:
        await patient.rest.organization(name)
    except Missing:
        return "user"
    return "organisation"


async def _unknown(patient: Patient, name: str) -> Result:
    """An owner that is not there, or hidden, with the nearest name that is."""
    near = nearest(name, await _known(patient, name))
    hint = f'did you mean "{near}"? ' if near else ""
    remedy = f"{hint}Correct forge.owners; if {name} is private, let the token's user be a member"
    return fail("owners", f"no user or organisation {name} is visible to the token", remedy)


async def _known(patient: Patient, name: str) -> list[str]:
    """Logins that may have been meant: the user's organisations, owners of what is seen, and people of such a name."""
    names: list[str] = []
    questions: dict[str, Query] = {
        f"{API}/user/orgs": {"limit": 50},
        f"{API}/repos/search": {"limit": 50},
        f"{API}/users/search": {"q": name[:3], "limit": 50},
    }
    for path, query in questions.items():
        try:
            answer = await patient.transport.request("GET", path, query=query)
            if path.endswith("repos/search"):
                names += [found.owner.login for found in searched(answer.body, path) if isinstance(found, Repository)]
            elif path.endswith("search"):
                names += [user.login for user in decode(UserResults, answer.body, path).data]
            else:
                names += [org.login or org.username for org in decode(list[_Named], answer.body, path)]
        except ForgeError:
            continue
    return [known for known in names if known]


class _Named(msgspec.Struct):
    username: str = ""
    name: str = ""

    @property
    def login(self) -> str:
        """An organisation's name in paths."""
        return self.name or self.username


