"""`forgeglass profile`: what people do before the first row, and when they want another column."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from setup_place import Stranger, command, stranger

from cache.profile.block import bind, load_profile
from cache.profile.loader import shipped

PAGE = "---\ntitle: {0}\nstatus: draft\n---\nText\n"
WRONG = """\
format: 1
profile: mine
collections:
  pages:
    files: {repository: acme/x, path: "docs/{slug}.md"}
    key: [slag]
    fields:
      limit: {type: string}
"""


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stranger]:
    async with stranger(tmp_path, monkeypatch) as made:
        yield made


async def test_every_shipped_profile_is_listed_shown_and_well() -> None:
    """Whoever looks for a profile sees all that there are, and none is broken."""
    names = sorted(path.stem for path in shipped().glob("*.yaml"))
    listed = await command("profile", "list", "--json")
    assert [row["name"] for row in listed.json["profiles"]] == names
    told = (await command("profile", "list")).out
    assert (await command("profile", "check", *names)).code == 0
    for name in names:
        assert name in told
        spec = load_profile(name).spec
        text = (await command("profile", "show", name)).out
        fields = [field for collection in spec.collections.values() for field in collection.fields]
        words = [*spec.parameters, *spec.collections, *spec.views, *fields]
        assert [word for word in words if word not in text] == []
        assert (await command("profile", "show", name, "--json")).json["profile"] == name


async def test_check_names_file_line_and_rule_of_every_mistake(tmp_path: Path) -> None:
    """All at once: mending one to meet the next is how an afternoon goes."""
    path = tmp_path / "mine.yaml"
    path.write_text(WRONG)
    ran = await command("profile", "check", str(path))
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in lines] == ["6", "8"]
    assert lines[0].endswith("[bad-key]")
    assert lines[1].endswith("[reserved-name]")
    told = (await command("profile", "check", str(path), "rfc", "--json")).json
    assert [profile["ok"] for profile in told["profiles"]] == [False, True]
    assert told["profiles"][0]["mistakes"][0] == {
        "file": str(path), "line": 6, "rule": "bad-key", "message": lines[0].partition(": ")[2].rpartition(" [")[0]
    }  # fmt: skip


async def test_a_profile_that_is_not_there_is_no_mistake_of_a_profile(tmp_path: Path) -> None:
    """A wrong name is wrong use: exit 2, and the names that there are."""
    for arguments in (("check", "rcf"), ("show", "rcf"), ("init", "rcf"), ("check", str(tmp_path / "no.yaml"))):
        ran = await command("profile", *arguments)
        assert ran.code == 2
        assert "rfc" in ran.out + ran.err or "No such file" in ran.out


async def test_check_without_a_name_tries_the_blocks_of_the_configuration(place: Stranger) -> None:
    """With their parameters: a profile may be right and its block forget what it requires."""
    await place.repository("x", {"docs/a.md": "# A", "docs/b.md": "# B"})
    await place.init("--owner", "acme", "--yes")
    assert (await command("profile", "check")).out == "markdown: well\n"
    place.file.write_text(place.file.read_text() + '[[profiles]]\nuse = "rfc"\n')
    ran = await command("profile", "check")
    assert ran.code == 1
    assert "'meta' is required" in ran.out


async def test_a_copy_of_a_shipped_profile_is_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written once; what was changed in it is not overwritten by the same command."""
    monkeypatch.chdir(tmp_path)
    assert (await command("profile", "init", "rfc")).out == (shipped() / "rfc.yaml").read_text()
    ran = await command("profile", "init", "rfc", "--output", "mine.yaml")
    assert ran.code == 0
    assert 'use = "./mine.yaml"' in ran.out
    assert load_profile("./mine.yaml").spec == load_profile("rfc").spec
    Path("mine.yaml").write_text("changed")
    assert (await command("profile", "init", "rfc", "--output", "mine.yaml")).code == 2
    assert Path("mine.yaml").read_text() == "changed"
    assert (await command("profile", "init", "rfc", "--output", "nowhere/mine.yaml")).code == 2


async def test_infer_reads_a_repository_and_its_profile_serves_it(place: Stranger) -> None:
    """From somebody's files to rows with their columns, without a finding."""
    files = {f"docs/{n}.md": PAGE.format(n) for n in range(6)} | {"README.md": "# X", "main.go": "x", "docs/a.png": "x"}
    await place.repository("handbook", files)
    ran = await command(
        "profile", "infer", "acme/handbook", "--url", place.forge.url, "--token-file", "token", "--output", "own.yaml"
    )
    assert (ran.code, ran.err) == (0, "")
    assert place.forge.token not in ran.out
    await place.init("--owner", "acme", "--yes", "--profile", "own.yaml")
    assert (await command("sweep", "--json")).json["errors"] == []
    rows = await command("--json", "query", "SELECT count(*) n FROM entries WHERE collection = 'documents' AND valid")
    assert rows.json == [{"n": 6}]
    view = await command("--json", "query", "SELECT slug, title, status FROM handbook_documents ORDER BY slug LIMIT 1")
    assert view.json == [{"slug": "0", "title": "0", "status": "draft"}]
    assert (await command("--json", "query", "SELECT rule FROM findings")).json == []


async def test_infer_takes_the_forge_from_the_configuration(place: Stranger) -> None:
    """Where one has a configuration, naming the repository is enough; another forge is not shown its token."""
    await place.repository("handbook", {"docs/a.md": "# A", "docs/b.md": "# B", "data/x.yaml": "size: 3\n"})
    await place.init("--owner", "acme", "--yes")
    told = (await command("profile", "infer", "acme/handbook", "data", "--json")).json
    assert told["collections"][0]["fields"] == [{"name": "size", "source": "size", "type": "integer", "files": 1}]
    bind(load_profile("rfc"), parameters={"meta": "a/b"})
    ran = await command("profile", "infer", "acme/handbook", "--url", "http://127.0.0.1:9")
    assert ran.code == 2
    assert "--token-file" in ran.err


async def test_infer_reads_another_branch(place: Stranger) -> None:
    await place.repository("x", {"docs/a.md": "# A"})
    """A profile for files that are not merged yet; a name that is nowhere is told."""
    await place.forge.commit("acme/x", {"notes/n.md": b"# N"}, "topic/more", "More")
    await place.init("--owner", "acme", "--yes")
    told = (await command("profile", "infer", "acme/x", "--ref", "topic/more", "--json")).json
    assert [collection["name"] for collection in told["collections"]] == ["documents", "notes"]
    ran = await command("profile", "infer", "acme/x", "--ref", "nope")
    assert (ran.code, ran.err.count("\n"), "acme/x at 'nope'" in ran.err) == (3, 1, True)


async def test_infer_reads_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No forge and no token are needed; links are not followed, hidden folders are not read."""
    monkeypatch.chdir(tmp_path)
    for path in ("notes/docs/a.md", "notes/docs/b.md", "notes/.git/c.md", "secret/d.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(PAGE.format("X"))
    (tmp_path / "notes" / "docs" / "link.md").symlink_to(tmp_path / "secret" / "d.md")
    (tmp_path / "notes" / "more").symlink_to(tmp_path / "secret")
    with (tmp_path / "notes" / "docs" / "large.md").open("wb") as file:
        file.truncate(3 << 20)
    told = (await command("profile", "infer", "./notes", "--json")).json
    (only,) = told["collections"]
    assert (only["path"], only["files"], only["with_front_matter"]) == ("docs/{slug}.md", 4, 2)
    assert only["unreadable"] == ["docs/large.md", "docs/link.md"]
    assert "repository: {type: repository, required: true" in told["text"]


async def test_infer_says_in_one_line_why_it_cannot(place: Stranger) -> None:
    await place.repository("code", {"main.go": "x"})
    await place.repository("empty", {})
    Path("nothing").mkdir()
    forge = ("--url", place.forge.url, "--token-file", "token")
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("acme/code", *forge), 2, "no Markdown files were found"),
        (("acme/code", "we{ird", *forge), 2, "brace"),
        (("acme/empty", *forge), 2, "is empty"),
        (("acme/none", *forge), 3, "shows no acme/none"),
        (("acme/code", "--ref", "..", *forge), 2, "'..'"),
        (("acme/code",), 2, "give --url and --token-file"),
        (("./nothing", "../here"), 2, "leads out of"),
        (("./nothing", "docs"), 3, "No such file"),
        (("not-there",), 2, "write OWNER/REPO, or ./FOLDER"),
        (("./nothing",), 2, "no Markdown files"),
        (("./nothing", "--ref", "main"), 2, "--ref is for a repository"),
    ]
    for arguments, code, word in cases:
        ran = await command("profile", "infer", *arguments)
        assert (ran.code, ran.out) == (code, ""), (arguments, ran)
        assert word in ran.err
        assert ran.err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    ran = await command("profile", "infer", str(tmp_path / "closed"))
    assert ran.code == 3
