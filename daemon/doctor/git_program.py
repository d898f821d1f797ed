"""The git program: whether it is there, and new enough. Asked by doctor, and by what is going to need it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

from daemon.doctor.result import Result, fail, ok, warn
from gitea_client.program import environment

Version = tuple[int, ...]

NEEDED: Final = (2, 34)

MENDED: Final[dict[Version, int]] = {
    (2, 34): 6, (2, 35): 6, (2, 36): 4, (2, 37): 5, (2, 38): 3, (2, 39): 1,
}  # fmt: skip
"""The first maintenance release of each line without CVE-2022-41903 and CVE-2022-23521: integer overflows in the
formatting of commits and in the reading of .gitattributes, both of which a pushed commit can reach (Git's release notes
of 2.39.1)."""

_SECONDS: Final = 5.0


def git_program(git: str) -> Result:
    """Run `git --version` as the daemon would find it, and judge the answer."""
    found = shutil.which(git, path=environment({}).get("PATH"))
    if found is None:
        remedy = "install git 2.34 or newer, or name the program as forge.git"
        return fail("git", f"there is no program {git}", remedy)
    try:
        said = subprocess.run(  # noqa: S603 - forge.git is the operator's own choice, and no shell reads it
            [found, "--version"], env=environment({}), capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        remedy = "run it by hand to see what it waits for, or name another git as forge.git"
        return fail("git", f"{found} --version did not answer within {_SECONDS:g} s", remedy)
    except OSError as error:
        return fail("git", f"{found} does not run ({error.strerror or error})", "install git 2.34 or newer")
    return judged(found, said.stdout.decode("utf-8", "replace"))


def judged(program: str, said: str) -> Result:
    """What an answer to `git --version` means. Pure."""
    version = version_in(said)
    if version is None:
        return fail("git", f"{program} does not say which git it is", "name the git program as forge.git")
    shown = ".".join(map(str, version))
    if version[:2] < NEEDED:
        return fail("git", f"git {shown} ({program}) is too old", "install git 2.34 or newer, or name one as forge.git")
    mended = MENDED.get(version[:2])
    if mended is not None and (version[2] if len(version) > 2 else 0) < mended:
        what = f"git {shown} has CVE-2022-41903 and CVE-2022-23521, unless your distribution mended them in it"
        return warn("git", what, "keep the distribution's package up to date, or install git 2.39.1 or newer")
    return ok("git", f"git {shown} ({program})")


def version_in(said: str) -> Version | None:
    """The version in `git version 2.39.5`, `git version 2.39.3 (Apple Git-146)`, `git version 2.45.1.windows.1`."""
    found = re.match(r"git version (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", said)
    return tuple(int(part) for part in found.groups() if part is not None) if found else None
