"""Makes each fault of the table in a copy of the packages, and runs the tests that must fail then.

    python tests/mutants/run.py            every mutant of the table
    python tests/mutants/run.py GROUP...   those of some groups
    python tests/mutants/run.py TEXT...    those whose description holds one of the texts; their output is shown

A mutant is killed where a test fails. Anything else ends with 1: a test that passes all the same, one that is not
there any more, a mutant that cannot even be imported, source text that is no longer in its file.

Each runs in a process of its own, forked from one that has the libraries loaded, and the packages below the fault's:
that is most of what a start costs.
"""

from __future__ import annotations

import compileall
import importlib
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import hypothesis
from mutants_table import GROUPS, Mutant

ROOT = Path(__file__).parents[2]
PACKAGES = ("gitea_client", "cache", "webhooks", "daemon")
"""None imports one behind it."""
LIBRARIES = (
    "aiohttp", "aiohttp.web", "aiosqlite", "alembic.command", "frontmatter", "hypothesis.stateful", "jinja2",
    "jsonschema", "markdown_it", "msgspec", "prometheus_client", "pytest_asyncio", "regex", "sqlalchemy.ext.asyncio",
    "structlog.testing", "yaml",
)  # fmt: skip
FAILED = 1
"""What pytest exits with where tests ran and some failed."""


class TableError(Exception):
    """The table does not fit the source any more."""


def copied(place: Path) -> None:
    """A copy of everything that the tests import, compiled."""
    for name in (*PACKAGES, "tests", "deploy"):
        ignore = shutil.ignore_patterns("recordings", "live", "grafana")
        shutil.copytree(ROOT / name, place / name, ignore=ignore)
    for name in ("pyproject.toml", "forgeglass.py"):
        shutil.copy2(ROOT / name, place / name)
    for name in PACKAGES:
        compileall.compile_dir(place / name, quiet=2)


def mutated(mutant: Mutant) -> str:
    """The source with the fault in it."""
    text = (ROOT / mutant.file).read_text()
    for before, after in mutant.edits:
        if text.count(before) != 1:
            raise TableError(f"{mutant.what}: {mutant.file} holds {text.count(before)} times\n{before}")
        text = text.replace(before, after)
    return text


def looked_up_in(place: Path) -> None:
    """Import from the copy, not from where it was made of."""
    sys.path[:] = [str(place), *(path for path in sys.path if Path(path or ".").resolve() not in (ROOT, place))]


def load(place: Path, package: str) -> None:
    """All of a package, from the copy."""
    looked_up_in(place)
    for file in (place / package).rglob("*.py"):
        if "migrations" not in file.parts and file.stem != "__main__":
            importlib.import_module(".".join(file.relative_to(place).with_suffix("").parts).removesuffix(".__init__"))


def outcome(place: Path, tests: Sequence[str], output: Path, *, keep_bytecode: bool) -> int:
    """pytest's exit code over these tests, run in the copy."""
    child = os.fork()
    if child == 0:
        try:
            code = _run(place, tests, output, keep_bytecode)
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            code = 70
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(place: Path, tests: Sequence[str], output: Path, keep_bytecode: bool) -> int:
    os.chdir(place)
    looked_up_in(place)
    sys.dont_write_bytecode = not keep_bytecode
    os.environ["TMPDIR"] = tempfile.tempdir = str(place.parent)  # what a test leaves behind goes with the copy
    descriptor = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    import pytest

    # that a test fails is enough: no smaller example is looked for (the profiles of the tests are made of this one)
    generate = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=generate, database=None)
    hypothesis.settings.load_profile("mutants")
    options = ["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "60"]
    return pytest.main([*options, *tests])


def made(place: Path, mutant: Mutant, output: Path) -> int:
    """Put the fault in, run its tests, and take it out."""
    source = place / mutant.file
    whole = source.read_bytes()
    source.write_text(mutated(mutant))
    bytecode = list((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"))
    for each in bytecode:
        each.unlink()
    try:
        return outcome(place, mutant.tests, output, keep_bytecode=False)
    finally:
        source.write_bytes(whole)


def run(mutants: Iterable[Mutant], *, show: bool = False) -> list[str]:
    """What is wrong: mutants that survived, and whatever else keeps one from being judged."""
    wanted = list(mutants)
    wrong: list[str] = []
    if not wanted:
        return wrong
    for mutant in wanted:
        mutated(mutant)  # before anything is run: the table must fit
        if not mutant.file.startswith(tuple(f"{package}/" for package in PACKAGES)):
            raise TableError(f"{mutant.what}: {mutant.file} is in none of the packages")
    for name in LIBRARIES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place, output = Path(folder) / "copy", Path(folder) / "output"
        copied(place)
        every = sorted({test for mutant in wanted for test in mutant.tests})
        if outcome(place, every, output, keep_bytecode=True) != 0:
            return [f"without any fault the tests fail:\n{output.read_text()[-4_000:]}"]
        for package in PACKAGES:
            for mutant in wanted:
                if mutant.file.startswith(f"{package}/"):
                    wrong += judged(mutant, made(place, mutant, output), output.read_text(), show)
            load(place, package)
    return wrong


def judged(mutant: Mutant, code: int, said: str, show: bool) -> list[str]:
    if show:
        print(mutant.what, code, said[-1_500:], sep="\n")
    if code == 0:
        return [f"survived: {mutant.what} ({mutant.file})"]
    return [] if code == FAILED else [f"pytest exits with {code}: {mutant.what}\n{said[-2_000:]}"]


def main() -> int:
    wanted = sys.argv[1:] or list(GROUPS)
    groups = [mutant for name in wanted for mutant in GROUPS.get(name, ())]
    texts = [text for text in wanted if text not in GROUPS]
    named = [one for of in GROUPS.values() for one in of if any(text in one.what for text in texts)]
    wrong = [*run(groups), *run(named, show=True)]
    number = len(groups) + len(named)
    print(*wrong, f"{number} mutants, {len(wrong)} not killed", sep="\n")
    return 1 if wrong or not number else 0


if __name__ == "__main__":
    raise SystemExit(main())
