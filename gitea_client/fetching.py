"""How objects are fetched by id: the arguments, the environment with the credentials, and what failure means."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence

from gitea_client import program
from gitea_client.errors import DiskFailed, ForgeError, GitFailed, Malformed, ObjectMissing, Unreachable
from gitea_client.redaction import redact
from gitea_client.secret import Secret
from gitea_client.statuses import error_of

REMOTE = "forge"

_REQUEST = re.compile(rb"=> Send header: (?:GET|POST) (\S+)")
_STATUS = re.compile(rb"<= Recv header: HTTP/[0-9.]+ ([2-5][0-9][0-9])")
_NOT_OURS = re.compile(
    r"(?:not our ref|couldn't find remote ref|unadvertised object|does not allow request for) "
    r"(?:unadvertised object )?([0-9a-f]{40}(?:[0-9a-f]{24})?)"
)
_UNREACHABLE = re.compile(
    r"[Cc]ould not resolve|[Ff]ailed to connect|[Cc]onnection (?:refused|reset|timed out)|[Tt]imed out|[Tt]oo slow|"
    r"SSL|TLS|certificate|Empty reply|Couldn't connect"
)
_DISK = {
    "No space left on device": ("the disk is full", "free some space, or set data_dir to another disk"),
    "Disk quota exceeded": ("the disk quota is used up", "free some space, or set data_dir to another disk"),
    "Read-only file system": ("the file system is read-only", "mount it for writing, or set data_dir elsewhere"),
    "Input/output error": ("the disk fails", "look at the system's log (dmesg)"),
}
"""What git says in the system's words (strerror(3)) of our own disk, and what to do."""
_REMOTE = re.compile(rb"^remote:.*$", re.MULTILINE)
"""What git hands on from the forge, whose disk is not ours."""
_CUT = re.compile(
    r"early EOF|unexpected disconnect|hung up unexpectedly|bad pack|transfer closed|expected flush|"
    r"invalid index-pack|protocol error|not valid: is this a git repository|pack has bad object|bad line"
)


def arguments(*, filter: str, refetch: bool, tips: Sequence[str]) -> list[str]:  # noqa: A002  # git's own word
    """The arguments of `git fetch`; the ids to fetch come by standard input. Nothing secret is among them."""
    return [
        "-c", "protocol.version=2", "fetch", REMOTE, "--stdin", "--no-tags", "--no-write-fetch-head",
        "--no-auto-maintenance", "--no-recurse-submodules", "--no-show-forced-updates", "--no-progress",
        f"--filter={filter}", *(["--refetch"] if refetch else []), *(f"--negotiation-tip={tip}" for tip in tips),
    ]  # fmt: skip


def configuration(url: str, *, filter: str, token: Secret | None, ca_file: str | None) -> dict[str, str]:  # noqa: A002
    """The environment that tells git where and how to fetch.

    Given by the environment the remote is known to this one process alone: nothing in the store names the forge, so no
    later git program can download anything from it unasked. The token goes the same way, and into no argument.
    """
    settings = {
        f"remote.{REMOTE}.url": url,
        f"remote.{REMOTE}.promisor": "true",  # a filtered pack is checked as one
        f"remote.{REMOTE}.partialclonefilter": filter,
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "100",
        "http.lowSpeedTime": "60",
        "http.postBuffer": str(64 << 20),  # otherwise a long list of ids costs a third request
        "http.userAgent": "forgeglass",
        "http.sslVerify": "true",
        "protocol.http.allow": "always",
        "protocol.https.allow": "always",
        "fetch.fsckObjects": "false",  # old commits may break today's rules; what is read is checked where it is read
    }
    if token is not None:
        settings["http.extraHeader"] = f"Authorization: token {token.reveal()}"
    if ca_file is not None:
        settings["http.sslCAInfo"] = ca_file
    return program.configuration(settings)


def requests_of(trace: bytes) -> Iterator[tuple[str, int]]:
    """The HTTP requests in a trace of GIT_TRACE_CURL, as (route, status); status 0 where there was no answer."""
    status, route = 0, None
    for line in trace.splitlines():
        if sent := _REQUEST.search(line):
            if route is not None:
                yield route, status
            info = b"/info/refs" in sent[1]
            route, status = "/{owner}/{name}.git/" + ("info/refs" if info else "git-upload-pack"), 0
        elif received := _STATUS.search(line):
            status = int(received[1])
    if route is not None:
        yield route, status


def error_from(stderr: bytes, statuses: Sequence[int], what: str, token: Secret | None) -> ForgeError:
    """What a failed `git fetch` means, from what it said and the statuses that it was given."""
    text = quotable(stderr, token)
    own = _REMOTE.sub(b"", stderr).decode("utf-8", "replace")
    if (said := next((said for said in _DISK if said in own), None)) is not None:
        return DiskFailed(what, *_DISK[said])
    if found := _NOT_OURS.search(text):
        return ObjectMissing(found[1], what)
    failed = next((status for status in reversed(statuses) if status >= 300), None)
    if failed is not None:
        return error_of(failed, what, {}, None)
    if _CUT.search(text):
        return Malformed(f"{what}: the answer was cut or broken: {text}")
    if _UNREACHABLE.search(text):
        return Unreachable(f"{what}: {text}")
    return GitFailed(f"{what}: {text}")


def quotable(stderr: bytes, token: Secret | None) -> str:
    """What git said, on one line, short, without control characters and without the token."""
    text = redact(stderr[-8000:].decode("utf-8", "replace"), token)
    if token is not None:
        text = text.replace(base64.b64encode(token.reveal().encode()).decode(), "***")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 400 else text[:200] + " … " + text[-200:]
