"""Reads what `mutmut run` left, and ends with 1 where a mutant survived that `survivors.toml` does not explain."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

BEHIND = ("survived", "no tests", "suspicious", "not checked")
"""What `mutmut results` says of mutants that no test killed. One that never ends is killed by its timeout."""


def mutmut(*arguments: str) -> str:
    """What a command of mutmut prints."""
    command = [str(Path(sys.executable).parent / "mutmut"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def difference(name: str) -> tuple[str, str, str]:
    """The module, the line that was and the one that it becomes; lines joined where there are several."""
    lines = mutmut("show", name).splitlines()
    module = name.rpartition(".x")[0]  # what follows is mutmut's name of the function, and the mutant's number
    was, becomes = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return module, was, becomes


def main() -> int:
    """Print what is neither killed nor explained, and what is explained and not there any more."""
    known = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text())["survivor"]
    unused, unexplained = list(range(len(known))), []
    left = [line.strip().partition(": ") for line in mutmut("results").splitlines() if ": " in line]
    for name in (name for name, _, how in left if how.startswith(BEHIND)):
        module, was, becomes = difference(name)
        why = [
            at for at, one in enumerate(known)
            if (one["module"], one["was"]) == (module, was) and one.get("becomes", becomes) == becomes
        ]  # fmt: skip
        unused = [at for at in unused if at not in why]
        if not why:
            unexplained.append(f"{name}\n  - {was}\n  + {becomes}")
    print("\n".join(unexplained) or "Every mutant is killed or explained.")
    for at in unused:
        print(f"no longer needed: {known[at]['module']}: {known[at]['was']}")
    return 1 if unexplained or unused else 0


if __name__ == "__main__":
    sys.exit(main())
