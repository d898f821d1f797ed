"""The documents as a site: everything is linked, every link leads somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from docs_pages import ROOT, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it; a broken link or a page that no menu leads to is an error."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", "HOME": str(place)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_every_page_is_there_and_the_generator_is_not(site: Path) -> None:
    made = {str(path.relative_to(site).with_suffix(".md")) for path in site.rglob("*.html")} - {"404.md"}
    assert made == {name.removeprefix("docs/") for name in pages() if name.startswith("docs/")}
    assert not list(site.rglob("*.py"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """The site is read where there is no network, and must tell nobody who reads it."""
    loading = re.compile(r"<(?:script|img|iframe|source)[^>]+src=[\"']?(https?:)?//|<link[^>]+href=[\"']?(https?:)?//")
    found = {
        f"{path.name}: {match[0][:80]}"
        for path in site.rglob("*.html")
        if (match := loading.search(re.sub(r"<link[^>]+rel=[\"']?canonical[^>]*>", "", path.read_text())))
    }
    assert not found


def test_the_menu_names_each_page_once() -> None:
    named = re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("name", pages())
def test_files_of_the_project_that_a_page_names_exist(name: str) -> None:
    """A path that was moved sends the reader looking."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    folders = "cache|daemon|webhooks|gitea_client|deploy|tests|docs|benchmarks|\\.ci"
    named = re.findall(rf"`((?:{folders})/[\w./-]*\w)`", text)
    made = re.compile(r"cache/profiles(/|$)")  # in the wheel alone
    # of a path of our own; "docs/adr" of somebody's repository is none
    own = [p for p in named if not re.match(r"docs/(?!how-to|reference|explanation|generate|[\w-]+\.md)", p)]
    assert not [path for path in own if not made.match(path) and not (ROOT / path).exists()]
