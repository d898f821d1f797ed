"""What may stand in the tree: no addresses of indexes, no paths of a machine, no secrets, small files, one version."""

from __future__ import annotations

import re
import tomllib

import pytest
from house_files import ROOT, texts, tracked

TEXTS = texts()
LOCKS = ("requirements.txt", "requirements-dev.txt")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_version_and_hash_and_names_no_index(name: str) -> None:
    """An index's address in a lock sends every installation there; a package without a hash can be replaced."""
    text = (ROOT / name).read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==[0-9][^ ]*( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", requirement), (
            requirement
        )
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_the_locks_agree() -> None:
    """What is tested must be what is installed."""
    pins = [dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS]
    runtime, development = pins
    assert runtime.items() <= development.items()


def test_every_dependency_is_locked() -> None:
    """A dependency added without `make lock` is missing from a fresh installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=~! ]", one)[0].lower().replace("_", "-") for one in asked}
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / LOCKS[1]).read_text(), re.MULTILINE))
    assert names <= locked


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    """Such a path works on one machine, and tells whose it is."""
    personal = re.compile(r"(?<![\w.*-])/(?:home/\w|Users/\w|root/|wor" r"k/|opt/fg)|[A-Z]:\\Users\\")
    found = [f"{name}: {match[0]}" for name, text in TEXTS if (match := personal.search(text))]
    assert not found


def test_no_secret_is_in_the_tree() -> None:
    """The shapes of keys and tokens, and addresses that carry a password."""
    shapes = re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE " r"KEY-----|gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}"
        r"|xox[baprs]-[A-Za-z0-9-]{10}"
    )  # fmt: skip
    found = [f"{name}: {match[0][:12]}…" for name, text in TEXTS if (match := shapes.search(text))]
    assert not found


def test_files_are_small() -> None:
    """A file beyond this has more than one job. Data is not read by people, and may be larger."""
    long = {
        name: lines
        for name, text in TEXTS
        if name.endswith(".py") and not name.startswith("tests/") and (lines := text.count("\n")) > 420
    }
    assert not long


def test_no_large_file_is_kept() -> None:
    """What is committed once is cloned for ever."""
    large = {str(path.relative_to(ROOT)): size for path in tracked() if (size := path.stat().st_size) > 2_000_000}
    assert not large


def test_the_version_is_said_once_and_told_by_the_changelog() -> None:
    """A release without an entry in the changelog, or a second place that disagrees, misleads."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
    said = re.compile(rf"""__version__|["']{re.escape(version)}["']""")
    repeated = [
        name for name, text in TEXTS
        if name.endswith(".py") and not name.startswith("tests/") and said.search(text)
    ]  # fmt: skip
    assert not repeated


def test_test_modules_have_names_of_their_own() -> None:
    """Without packages, two test modules of one name hide each other; a package named as one of ours hides that."""
    names = [path.name for path in tracked() if path.suffix == ".py" and "tests" in path.relative_to(ROOT).parts[:1]]
    names = [name for name in names if name not in ("conftest.py", "__init__.py")]
    assert sorted(names) == sorted(set(names))
    packages = {path.parent.name for path in tracked() if path.name == "__init__.py" and path.parts[-3] == "tests"}
    assert not packages & {"daemon", "webhooks", "cache", "gitea_client"}


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    """A reader who follows a link must arrive."""
    broken = []
    for name, text in TEXTS:
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert not broken
