"""All refs of a repository in one POST, by Git's protocol version 2."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct

from gitea_client import paths
from gitea_client.apart import apart
from gitea_client.errors import Malformed
from gitea_client.pktline import RefLine, ls_refs_request, parse_ls_refs
from gitea_client.transport import Transport

_PULL = re.compile(r"refs/pull/([1-9][0-9]{0,17})/head")
_HEADS = "refs/heads/"


class RefListing(Struct, frozen=True):
    """The refs of a repository at one moment.

    `branches` maps short names to heads, `pulls` a pull request's number to `refs/pull/N/head`. `default_branch` is
    where HEAD points, None where it points at a commit; `unborn` says that this branch has no commit yet. `date` is
    the server's time.
    """

    default_branch: str | None
    unborn: bool
    branches: dict[str, str]
    pulls: dict[int, str]
    date: datetime | None = None


async def ls_refs(transport: Transport, full_name: str, *, object_format: str = "sha1") -> RefListing:
    """List branches, pull request heads and the default branch of `owner/name`.

    `object_format` is the repository's `object_format_name`: a server refuses a client that names the other one.
    Raises from the tree in `errors`: Malformed for an answer that is not whole (see `parse_ls_refs`), Redirected for
    a renamed repository. A name that was given to another repository answers with that one's refs, so compare ids
    before use.
    """
    answer = await transport.request(
        "POST",
        f"/{paths.repository(full_name)}.git/git-upload-pack",
        body=ls_refs_request(["HEAD", _HEADS, "refs/pull/"], object_format=object_format),
        headers={
            "Git-Protocol": "version=2",
            "Content-Type": "application/x-git-upload-pack-request",
            "Accept": "application/x-git-upload-pack-result",
        },
        route="/{owner}/{name}.git/git-upload-pack",
        kind="git",
        repeatable=True,  # it only reads
    )
    what = f"the refs of {full_name}"
    listing = await apart(lambda body, what: collect(parse_ls_refs(body, what), what), answer.body, what)
    return RefListing(listing.default_branch, listing.unborn, listing.branches, listing.pulls, answer.date)


def collect(lines: list[RefLine], what: str) -> RefListing:
    """Sort ref lines into a listing; refs of other kinds are passed over. Raises Malformed for an unborn branch."""
    default: str | None = None
    unborn = False
    branches: dict[str, str] = {}
    pulls: dict[int, str] = {}
    for line in lines:
        if line.name == "HEAD":
            default = line.target.removeprefix(_HEADS) if line.target and line.target.startswith(_HEADS) else None
            unborn = line.id is None
        elif line.id is None:
            raise Malformed(f"{what}: {line.name!r} is said to be unborn, which only HEAD can be")
        elif line.name.startswith(_HEADS):
            branches[line.name.removeprefix(_HEADS)] = line.id
        elif found := _PULL.fullmatch(line.name):
            pulls[int(found[1])] = line.id
    return RefListing(default, unborn, branches, pulls)
