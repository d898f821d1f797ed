"""`forgeglass init`, as a stranger runs it in an empty folder."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from setup_place import OWNER, Stranger, answering, command, forge_of, repository, settled, stranger

from daemon.blocks import load_blocks
from daemon.config import load
from daemon.setup import propose, survey
from daemon.setup.access import Access
from daemon.setup.begin import look_round
from daemon.setup.errors import SetupError
from daemon.setup.forge import looking
from gitea_client.fake import StandIn
from gitea_client.fake.faults import Fault
from gitea_client.secret import Secret

RECORD = "# 1. Use it\n\n## Status\n\nAccepted\n"
RFC = "---\nslug: {0}\ntitle: The {0}\nstate: idea\n---\nText\n"


pytestmark = pytest.mark.asyncio(loop_scope="module")  # so that one forge is there for several tests


@pytest.fixture(scope="module", params=["gitea", "forgejo"])
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="module")
async def place(flavour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stranger]:
    """A stranger whose forge is the test's own."""
    async with stranger(tmp_path, monkeypatch, flavour=flavour) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def organisation(flavour: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StandIn]:
    """A forge with what `plant` puts there, for all who only look at it."""
    async with forge_of(tmp_path_factory.mktemp("organisation"), flavour) as forge:
        await plant(forge)
        yield forge


@pytest.fixture
def planted(organisation: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    """A stranger whose forge is everybody's: nothing is put there. Faults go with the test."""
    yield settled(organisation, tmp_path, monkeypatch)
    organisation.faults.clear()


async def plant(forge: StandIn) -> None:
    """An organisation as one finds it: records in most services, a meta repository, a handbook, an empty one."""
    for name in ("one", "two", "three", "four"):
        await repository(forge, name, {"docs/adr/0001-use.md": RECORD, "main.go": "package main\n"})
    await repository(forge, "meta", {f"rfcs/{name}.md": RFC.format(name) for name in ("a", "b")})
    await repository(forge, "handbook", {f"docs/{n}.md": f"---\ntitle: {n}\ntags: [x]\n---\n" for n in range(3)})
    await repository(forge, "empty", {})


async def test_it_writes_one_configuration_that_works(planted: Stranger) -> None:
    """From an empty folder to a configuration that a daemon starts with; nothing else is written."""
    ran = await planted.init("--owner", OWNER, "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(path.name for path in planted.folder.iterdir()) == ["forgeglass.toml", "token"]
    config = load(planted.file, {})
    assert {(block.name, *block.parameters.items()) for block in config.profiles} == {
        (None, ("owner", "acme")), (None, ("meta", "acme/meta")),
        (None, ("repository", "acme/handbook"), ("path", "docs")),
    }  # fmt: skip
    assert len(load_blocks(config)) == 3
    assert "Next:\n  forgeglass doctor\n  forgeglass serve\n" in ran.out
    assert "the token is root1's" in ran.out
    assert "forgeglass profile infer acme/handbook docs" in planted.file.read_text()


async def test_it_says_what_it_proposes_nothing_for_and_why(place: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """R6: folders and repositories were passed over without a word, and so were blocks beyond a number."""
    await plant(place.forge)
    await place.repository("code", {"main.go": "package main\n", "README.md": "# Code\n", "notes/one.md": "# One\n"})
    ran = await place.init("--owner", OWNER, "--yes")
    assert ran.code == 0
    told = ran.out.partition("Nothing is proposed for:\n")[2].splitlines()
    assert told[0] == "  acme/code/notes (1 file): a single page; it takes 2"
    assert "  acme/empty: empty: nothing was pushed yet" in told
    ran = await place.init("--owner", OWNER, "--json", "--force")
    assert {(one["repository"], one["folder"]) for one in ran.json["nothing_for"]} == {
        ("acme/code", "notes"), ("acme/empty", ""),
    }  # fmt: skip
    assert ran.json["not_proposed"] == []
    monkeypatch.setattr(propose, "MOST_BLOCKS", 2)
    ran = await place.init("--owner", OWNER, "--yes", "--force")
    assert "2 blocks are proposed at most; found as well:\n  rfc: meta = acme/meta" in ran.out
    ran = await place.init("--owner", OWNER, "--json", "--force")
    assert [one["use"] for one in ran.json["not_proposed"]] == ["rfc"]


async def test_a_forge_that_calls_a_repository_empty_after_a_push_is_asked(place: Stranger) -> None:
    """Seen on Gitea 1.26: while its push queue hangs, `empty` stays true for as long as one cares to wait."""

    def emptied(answer: Any) -> Any:
        for item in answer.get("data", [answer]):
            item["empty"] = True
        return answer

    await place.repository("handbook", {f"docs/{n}.md": "# A\n" for n in range(2)})
    await place.repository("empty", {})
    place.forge.faults.set(Fault("edit", match="/repos/(search|acme/handbook$)", edit=emptied))
    ran = await place.init("--owner", OWNER, "--json")
    assert [block["seen_in"] for block in ran.json["blocks"]] == [["acme/handbook"]]
    assert [(one["repository"], one["why"]) for one in ran.json["nothing_for"]] == [
        ("acme/empty", "empty: nothing was pushed yet"),
    ]  # fmt: skip
    assert (await command("profile", "infer", "acme/handbook")).code == 0


async def test_a_daemon_begins_with_rows_and_without_findings(planted: Stranger) -> None:
    """The first thing that a stranger sees is what is there, and not what is wrong with it."""
    await planted.init("--owner", OWNER, "--yes")
    swept = await command("sweep", "--json")
    assert (swept.code, swept.json["errors"]) == (0, [])
    rows = await command("--json", "query", "SELECT block, count(*) n FROM entries GROUP BY 1 ORDER BY 1")
    assert rows.json == [{"block": "adr", "n": 4}, {"block": "markdown", "n": 3}, {"block": "rfc", "n": 2}]
    findings = await command("--json", "query", "SELECT rule, path FROM findings")
    assert findings.json == []


async def test_for_programs_it_prints_one_object(planted: Stranger) -> None:
    ran = await planted.init("--owner", OWNER, "--json")
    assert ran.code == 0
    told = ran.json
    assert told["forge"]["kind"].lower() == planted.forge.world.flavour
    assert told["repositories"] == {"total": 7, "looked_at": 7, "failed": [], "cut_short": [], "not_public": 0}
    assert [block["use"] for block in told["blocks"]] == ["adr", "markdown", "rfc"]
    assert told["next"] == ["forgeglass doctor", "forgeglass serve"]
    assert [(block["address"], block["view"]) for block in told["blocks"]] == [
        ("http://127.0.0.1:8088/api/v1/adr/decisions", "decisions"),
        ("http://127.0.0.1:8088/api/v1/markdown/documents", "documents"),
        ("http://127.0.0.1:8088/api/v1/rfc/rfcs", "cached_rfcs"),
    ]


async def test_it_ends_with_where_the_rows_will_be(place: Stranger) -> None:
    """A stranger who follows what is printed ends at rows; what is told of views is true."""
    await plant(place.forge)
    for name in ("alpha", "omega"):
        await place.repository(name, {f"{name}/{n}.md": "# Page\n" for n in range(2)})
    (place.folder / "etc").mkdir()
    ran = await place.init("--owner", OWNER, "--yes", "etc/my.toml")
    said = [line.strip() for line in ran.out.partition("rows are here:\n")[2].splitlines()]
    assert len(said) == 2 * 3 + 1
    assert (said[0], said[-1]) == ("curl -s http://127.0.0.1:8088/api/v1/adr/decisions", "…")
    assert any("SELECT * FROM " in line and "_documents" in line for line in said)
    assert (await command("--config", "etc/my.toml", "sweep")).code == 0
    for line in said:
        if "query" in line:
            _, *arguments = shlex.split(line)
            rows = await command(*arguments, "--json")
            assert (rows.code, rows.json != []) == (0, True), line


async def test_it_says_that_what_is_private_is_read_with_a_token(place: Stranger) -> None:
    """Else an API that answers with no rows looks as if nothing had been read."""
    await place.repository("open", {"a.md": "# A\n"})
    said = (await place.init("--owner", OWNER, "--yes", "--profile", "markdown")).out
    assert "token create" not in said
    await place.repository("closed", {"b.md": "# B\n"})
    await place.forge.set_private(f"{OWNER}/closed")
    ran = await place.init("--owner", OWNER, "--yes", "--force", "--profile", "markdown", "--json")
    assert ran.json["repositories"]["not_public"] == 1
    said = (await place.init("--owner", OWNER, "--yes", "--force", "--profile", "markdown")).out
    assert "1 of 2 repositories are not public" in said
    assert "forgeglass token create me" in said


async def test_without_a_terminal_it_names_the_option_that_is_missing(place: Stranger) -> None:
    """A script that waits for an answer waits for ever."""
    await place.repository("x", {"a.md": "# A"})
    for arguments, word in (
        ((), "--url is missing"),
        (("--url", place.forge.url), "--token-file is missing"),
        (("--url", place.forge.url, "--token-file", "token"), "--owner is missing"),
    ):
        ran = await command("init", *arguments)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert word in ran.err
    assert "Seen: acme (1)" in ran.err
    assert not place.file.exists()


async def test_it_overwrites_nothing_without_force(planted: Stranger) -> None:
    """An afternoon's work on a configuration must survive an arrow key and Enter."""
    planted.file.write_text("mine")
    ran = await planted.init("--owner", OWNER, "--yes")
    assert (ran.code, planted.file.read_text()) == (2, "mine")
    assert "--force" in ran.err
    assert (await planted.init("--owner", OWNER, "--yes", "--force")).code == 0
    assert load(planted.file, {}).forge.owners == (OWNER,)


async def test_another_file_in_another_folder_finds_the_token_again(planted: Stranger) -> None:
    """Paths in a configuration are relative to it, those of a command to where one is."""
    (planted.folder / "etc").mkdir()
    ran = await planted.init("--owner", OWNER, "--yes", "etc/my.toml")
    assert ran.code == 0
    assert load(planted.folder / "etc" / "my.toml", {}).forge.token_file == planted.folder / "token"
    assert "forgeglass --config etc/my.toml serve" in ran.out


async def test_a_token_in_the_environment_stays_there(planted: Stranger) -> None:
    """A container has no file for it; the configuration then names none, and holds none."""
    environ = {"FORGEGLASS_FORGE_TOKEN": planted.forge.token}
    ran = await command("init", "--url", planted.forge.url, "--owner", OWNER, "--yes", environ=environ)
    assert ran.code == 0, ran.err
    text = planted.file.read_text()
    assert planted.forge.token not in text + ran.out + ran.err
    assert load(planted.file, environ).forge.token_file is None
    assert (await command("profile", "infer", "acme/handbook", environ=environ)).code == 0


async def test_a_token_that_everybody_may_read_is_cautioned_against(planted: Stranger) -> None:
    """On the day it is made, and not when somebody has read it."""
    (planted.folder / "token").chmod(0o644)
    ran = await planted.init("--owner", OWNER, "--yes")
    assert ran.code == 0
    assert "chmod o-r" in ran.err


async def test_profiles_may_be_chosen(place: Stranger) -> None:
    """A shipped one for which nothing was found yet reads the owner; one of one's own reads what it names."""
    await place.repository("x", {"main.go": "package main"})
    ran = await place.init("--owner", OWNER, "--yes", "--profile", "adr")
    assert ran.code == 0
    assert [(b.use, dict(b.parameters)) for b in load(place.file, {}).profiles] == [("adr", {"owner": OWNER})]
    ran = await place.init("--owner", OWNER, "--yes", "--force", "--profile", "rfc")
    assert ran.code == 2
    assert "'meta' is required" in ran.err
    ran = await place.init("--owner", OWNER, "--yes", "--force", "--profile", "rcf")
    assert (ran.code, "there are adr, directives, markdown, rfc" in ran.err) == (2, True)
    (place.folder / "x.yaml").write_text(
        "format: 1\nprofile: x\ncollections: {n: {files: {repository: acme/x, path: '{s}.md'}, key: [s]}}\n"
    )
    ran = await place.init("--owner", OWNER, "--yes", "--force", "--profile", "x.yaml")
    assert ran.code == 0, ran.err
    assert [b.profile for b in load_blocks(load(place.file, {}))] == ["x"]


async def test_an_owner_with_nothing_still_gets_a_configuration(place: Stranger) -> None:
    """Forgeglass may well be there before the first page is written."""
    ran = await place.init("--owner", OWNER, "--yes")
    assert ran.code == 0
    assert "nothing of the kind was seen yet" in ran.out
    assert ran.err == "acme: no repository that the token may see; nothing is read until there is one\n"
    assert [b.use for b in load(place.file, {}).profiles] == ["markdown"]


async def test_wrong_answers_are_told_in_one_line(place: Stranger) -> None:
    """Each names the thing and the remedy, without a traceback and without the token."""
    await place.repository("x", {"a.md": "# A"})
    (place.folder / "wrong").write_text("0123456789abcdef0123456789abcdef01234567\n")
    (place.folder / "two").write_text("one\ntwo\n")
    base = {"--url": place.forge.url, "--token-file": "token", "--owner": OWNER}
    cases: list[tuple[dict[str, str], int, str]] = [
        ({"--owner": "nobody"}, 2, "shows no user or organisation 'nobody'"),
        ({"--owner": "../x"}, 2, "'../x'"),
        ({"--token-file": "wrong"}, 3, "make a new token"),
        ({"--token-file": "two"}, 2, "more than one line"),
        ({"--token-file": "0123456789abcdef0123456789abcdef01234567"}, 2, "looks like the secret itself"),
        ({"--token-file": "nowhere-to-be-found"}, 2, "there is no such file"),
        ({"--url": "git.example.org"}, 2, "is not an address"),
        ({"--url": f"{place.forge.url}/sub"}, 3, "does not answer like a Gitea or Forgejo"),
        ({"--ca-file": "none.pem"}, 2, "--ca-file: there is no file"),
    ]
    for changes, code, word in cases:
        ran = await command("init", "--yes", *itertools.chain(*(base | changes).items()))
        assert ran.code == code, (changes, ran)
        assert word in ran.err
        assert ran.err.count("\n") == 1
        assert "0123456789abcdef" not in ran.err
    assert not place.file.exists()


async def test_a_token_that_may_little_is_told_or_passed_over(planted: Stranger) -> None:
    """Without read:user it does not say whose it is; without read:repository nothing can be seen."""
    token = planted.folder / "token"
    token.write_text(planted.forge.create_token("root1", ["read:repository", "read:organization"]))
    ran = await command("init", "--url", planted.forge.url, "--token-file", "token", "--yes", "--json")
    assert ran.code == 2
    assert "Seen: acme" in ran.err
    token.write_text(planted.forge.create_token("root1", ["read:user"]))
    ran = await command("init", "--url", planted.forge.url, "--token-file", "token", "--owner", OWNER, "--yes")
    assert ran.code == 3
    assert "read:repository" in ran.err
    assert not planted.file.exists()


async def test_the_forge_hardly_notices(place: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many repositories are looked at, at most three requests for each, and it says where it stopped."""
    for number in range(7):
        await place.repository(f"r{number}", {"docs/adr/0001-a.md": RECORD, "docs/adr/0002-b.md": RECORD})
    monkeypatch.setattr(survey, "MOST_LOOKED", 4)
    mark = place.forge.mark()
    ran = await place.init("--owner", OWNER, "--json")
    asked = place.forge.requests_since(mark)
    assert ran.json["repositories"]["looked_at"] == 4
    assert "only 4 of 7 repositories were looked at: 4 are looked at at most" in ran.err
    assert ran.json["requests"] == len(asked) <= 5 + 3 * 4
    assert all(request.method in ("GET", "POST") for request in asked)
    assert {request.path.rpartition("/")[2] for request in asked if request.method == "POST"} == {"git-upload-pack"}


async def test_hostile_repositories_break_nothing(place: Stranger) -> None:
    """Bombs, rubbish, endless and oddly named files lie in the same organisation as what one came for."""
    await place.repository("evil", {
        "rfcs/bomb.md": "---\na: &a [x]\nb: [*a, *a]\n---\n", "rfcs/deep.md": "---\nx: " + "[" * 50_000 + "\n---\n",
        "rfcs/bytes.md": bytes(range(256)), "rfcs/{x}.md": "# X\n", "rfcs/new\nline.md": "# N\n",
        "rfcs/huge.md": b"x" * 2_000_000, "docs/\x01.md": "#", "docs/a b.md": "#", "docs/ü.md": "#",
        "we{ird/a.md": "#", "we{ird/b.md": "#", "--upload-pack=x/a.md": "#", "--upload-pack=x/b.md": "#",
        **{f"team\u00a0\u202edocs/{n}.md": "---\nowner: x\n---\n" for n in "ab"},
    })  # fmt: skip
    await place.repository("good", {"docs/adr/0001-a.md": RECORD})
    ran = await place.init("--owner", OWNER, "--yes")
    assert ran.code == 0, ran.err
    assert "\u202e" not in ran.out
    assert "team\\xa0\\u202edocs" in ran.out
    blocks = load_blocks(load(place.file, {}))
    assert "adr" in {block.profile for block in blocks}
    assert (await command("sweep")).code == 0


async def test_a_repository_that_cannot_be_read_is_told_and_passed_over(planted: Stranger) -> None:
    """One damaged repository must not keep a stranger from all others."""
    planted.forge.faults.set(Fault("status", match="/meta/git/trees/", status=404))
    ran = await planted.init("--owner", OWNER, "--yes")
    assert ran.code == 0
    assert ran.err.splitlines()[0].startswith("could not be read: acme/meta: ")
    assert [block.use for block in load(planted.file, {}).profiles] == ["adr", "markdown"]


async def test_what_fails_for_every_repository_is_told_once(planted: Stranger) -> None:
    """Without a git program no daemon would work either: no configuration, and no line for each repository."""
    access = Access(planted.forge.url, Secret(planted.forge.token), git="/nowhere/git")
    with pytest.raises(SetupError, match=r"no repository could be read; the first, .*could not be started") as error:
        await look_round(access, [OWNER], lambda _: None)
    assert error.value.code == 3


@pytest.mark.parametrize(
    "tree",
    [
        {"sha": "x", "tree": [], "total_count": 5},
        {"sha": "0" * 40, "tree": None, "total_count": 9},
        {"sha": "0" * 40, "tree": [{"path": "rfcs/a.md", "mode": "100644", "type": "blob", "sha": "../../etc"}]},
        {"sha": "0" * 40, "total_count": 10**9,
         "tree": [{"path": "docs/a.md", "mode": "100644", "type": "blob", "sha": "1" * 40, "size": 3}] * 1000},
        {"sha": 7},
        [],
    ],
)  # fmt: skip
async def test_what_a_forge_says_is_not_believed(tree: object) -> None:
    """Ids that are none, lists without an end, other shapes: told, passed over, and bounded."""
    asked: list[str] = []
    repository = {
        "id": 5, "name": "x", "full_name": "acme/x", "owner": {"id": 1, "login": "acme"}, "default_branch": "main"
    }  # fmt: skip
    odd = {**repository, "id": 6, "name": "..", "full_name": "acme/.."}

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/api/v1/users/acme":
            return web.json_response({"id": 1, "login": "acme"})
        if request.path == "/api/v1/repos/search":
            return web.json_response({"ok": True, "data": [repository, odd]}, headers={"X-Total-Count": "2"})
        if "/git/trees/" in request.path:
            return web.json_response(tree)
        return web.Response(status=404)

    async with answering(handle) as url, looking(Access(url, Secret("t"))) as forge:
        seen = await survey.survey(forge, [await forge.owner("acme")], lambda _: None)
    assert len(seen.sights) + len(seen.failed) == 1
    assert sum("/git/trees/" in path for path in asked) <= 4


@pytest.mark.parametrize("hostile", [
    {"object_format_name": 'sha1\n[url "ext::sh -c touch% {canary}"]\n\tinsteadOf = http'},
    {"object_format_name": "--template=."},
    {"default_branch": "--output={canary}"},
    {"name": "../x"},
    {"owner": {"id": 2, "login": "ac\nme"}},
])  # fmt: skip
async def test_a_forge_that_wants_to_run_programs_is_looked_at_without_them(
    planted: Stranger, hostile: dict[str, Any], tmp_path: Path
) -> None:
    """Fault S1: a first look at a forge must not obey it; what lies beside the bad repository is proposed."""
    canary = tmp_path / "ran"
    text = json.dumps(hostile).replace("{canary}", str(canary))

    def edit(value: Any) -> Any:
        for item in value["data"]:
            if item["name"] == "handbook":
                item.update(json.loads(text))
        return value

    planted.forge.faults.set(Fault("edit", "/repos/search", edit=edit))
    ran = await planted.init("--owner", OWNER, "--yes")
    assert not canary.exists()
    assert ran.code == 0, ran.err
    assert len(load_blocks(load(planted.file, {}))) >= 2
