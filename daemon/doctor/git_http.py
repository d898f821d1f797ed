"""Git over HTTP: refs by our own client, and a small fetch by the git program, with one certificate and token."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cache.model import Repository
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok, skip
from gitea_client import fetching, program, storing
from gitea_client.allowed import check_object_format
from gitea_client.errors import Forbidden, ForgeError, Missing, Unreachable
from gitea_client.limits import ProgramLimits
from gitea_client.refs import ls_refs

TRIED: Final = 3
"""Repositories that are looked at for a commit before doctor gives up."""
SECONDS: Final = 15.0
MOST: Final = 16 << 20
"""Bytes of one commit and of what git says: more is no answer to this question."""
CHECK: Final = "git over http"


async def git_http(patient: Patient) -> Sequence[Result]:
    """Read the refs of one repository, and fetch one commit of it."""
    candidates = [one for one in (*patient.reached(), *patient.seen()) if not one.empty][:TRIED]
    for repository in candidates:
        try:
            listing = await ls_refs(patient.transport, repository.full_name, object_format=repository.object_format)
        except (Forbidden, Missing) as error:
            what = f"the refs of {repository.full_name} are denied (HTTP {error.status}), though the API shows it"
            remedy = "give the token read:repository; look whether the forge or a proxy before it serves Git over HTTP"
            return [fail(CHECK, what, remedy)]
        head = listing.branches.get(listing.default_branch or "") or next(iter(listing.branches.values()), None)
        if head is not None:
            return [await _fetched(patient, repository, head)]
    return [skip(CHECK, "not looked at: no repository with a commit is visible")]


async def _fetched(patient: Patient, repository: Repository, head: str) -> Result:
    """Fetch the commit alone, into a folder that goes at once."""
    what = f"fetch {repository.full_name}"
    with tempfile.TemporaryDirectory(prefix="verify-doctor-", dir=_somewhere(patient)) as folder:
        ran = await _fetch(patient, repository, head, Path(folder))
    if ran.code == 0:
        return ok(CHECK, f"the refs of {repository.full_name} were read, and a commit was fetched")
    error = fetching.error_from(ran.stderr, (), what, patient.transport.token)
    return fail(CHECK, f"the API answers, and git cannot fetch: {error}", _remedy(patient, error))


def _somewhere(patient: Patient) -> Path | None:
    """The system's place for temporary files (None); in a container that has none, data_dir."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return patient.config.data_dir
    return None


async def _fetch(patient: Patient, repository: Repository, head: str, folder: Path) -> program.Ran:
    forge, token = patient.config.forge, patient.transport.token
    made = await program.run(
        [forge.git, *storing.making(check_object_format(repository.object_format))],
        cwd=folder, env=program.environment({"GIT_DIR": str(folder)}), timeout=SECONDS,
    )  # fmt: skip
    if made.code != 0:
        return made
    ca_file = str(forge.ca_file) if forge.ca_file else None
    url = patient.transport.git_url(repository.full_name)
    settings = fetching.configuration(url, filter="tree:0", token=token, ca_file=ca_file)
    arguments = [forge.git, *fetching.arguments(filter="tree:0", refetch=False, tips=()), "--depth=1"]
    return await program.run(
        arguments, cwd=folder, env=program.environment({**settings, "GIT_DIR": str(folder)}),
        stdin=f"{head}\n".encode(), timeout=SECONDS, most_output=MOST, limits=ProgramLimits(file=MOST),
        starts_others=True,
    )  # fmt: skip


def _remedy(patient: Patient, error: ForgeError) -> str:
    if isinstance(error, Unreachable) and patient.config.forge.ca_file is None:
        return "name the certificate as forge.ca_file, which serves git too; name a proxy as https_proxy or http_proxy"
    return error.remedy
