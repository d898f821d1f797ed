"""The stand-in speaks Git's own protocol as the servers do: pushes, fetches, who may, and what is no longer there."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gitea_client.fake import StandIn, Submodule, Symlink
from gitea_client.fake.objects import StandInError

META = "acme/meta"


@pytest.fixture(params=["gitea", "forgejo"])
async def forge(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(tmp_path / "forge", flavour=request.param) as forge:
        forge.create_organization("acme")
        await forge.create_repository(META)
        await forge.commit(META, {"a.md": "one\n"})
        yield forge


def address(forge: StandIn, name: str, token: str) -> str:
    return f"{forge.url.replace('//', f'//x:{token}@')}/{name}.git"


async def git(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }  # fmt: skip
    return await asyncio.to_thread(
        subprocess.run, ["git", *arguments], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )


async def test_a_person_clones_changes_and_pushes(forge: StandIn, tmp_path: Path) -> None:
    """Guards the demonstration: a push over HTTP is processed as one through the Python interface is."""
    forge.add_hook("acme", "http://127.0.0.1:9/", "s")
    forge.deliveries.drop = True
    work = tmp_path / "work"
    assert (await git("clone", "-q", address(forge, META, forge.token), str(work))).returncode == 0
    (work / "b.md").write_text("two\n")
    await git("add", ".", cwd=work)
    await git("commit", "-qm", "Two", cwd=work)
    done = await git("push", "origin", "HEAD:main", "HEAD:refs/heads/topic", "HEAD:refs/tags/v1", cwd=work)
    assert done.returncode == 0, done.stderr
    head = (await git("rev-parse", "HEAD", cwd=work)).stdout.strip()
    assert forge.repository(META).branches == {"main": head, "topic": head}
    assert [d.event for d in forge.deliveries.sent] == ["push", "create", "push", "push", "create"]
    assert (await git("push", "origin", "HEAD:refs/pull/9/head", cwd=work)).returncode != 0


async def test_who_may(forge: StandIn, tmp_path: Path) -> None:
    """Guards the client's reading of refusals: missing with a token is 404, without one 401; a bad token is 401 even
    where everything is public; reading is not writing."""
    forge.create_user("eve")
    await forge.create_repository("acme/secret", private=True)
    service = "git-upload-pack"
    wanted = {
        (META, ""): 200, (META, "nonsense"): 401, (META, forge.token_of("eve")): 200,
        ("acme/nope", ""): 401, ("acme/nope", forge.token): 404, ("acme/secret", ""): 401,
        ("acme/secret", forge.token): 200, ("acme/secret", forge.token_of("eve")): 404,
    }  # fmt: skip
    async with aiohttp.ClientSession() as session:
        for (name, token), status in wanted.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.get(f"{forge.url}/{name}.git/info/refs?service={service}", headers=headers) as answer:
                assert answer.status == status, (name, token)
    work = tmp_path / "work"
    await git("clone", "-q", f"{forge.url}/{META}.git", str(work))
    for token in (forge.token_of("eve"), "nonsense"):
        assert (await git("push", address(forge, META, token), "HEAD:main2", cwd=work)).returncode != 0
    forge.add_collaborator(META, "eve")
    assert (await git("push", address(forge, META, forge.token_of("eve")), "HEAD:main2", cwd=work)).returncode == 0


async def test_a_renamed_repository_redirects_until_its_name_is_taken(forge: StandIn) -> None:
    """Guards keying by id: Gitea answers 307, Forgejo 301, and a name taken again answers with other refs."""
    old = forge.refs(META)
    await forge.rename_repository(META, "other")
    status = 301 if forge.world.forgejo else 307
    async with aiohttp.ClientSession() as session:
        for path in (f"/{META}.git/info/refs?service=git-upload-pack", f"/api/v1/repos/{META}/branches?limit=1"):
            async with session.get(f"{forge.url}{path}", allow_redirects=False) as answer:
                assert answer.status == status
                assert answer.headers["Location"] == f"{forge.url}{path.replace(META, 'acme/other')}"
        async with session.post(f"{forge.url}/{META}.git/git-upload-pack", allow_redirects=False) as answer:
            assert answer.status == status
        await forge.create_repository(META)
        await forge.commit(META, {"z": "z"})
        async with session.get(f"{forge.url}/api/v1/repos/{META}/git/refs") as answer:
            assert (await answer.json())[0]["object"]["sha"] != old["refs/heads/main"]


async def test_old_heads_are_given_until_gc(forge: StandIn, tmp_path: Path) -> None:
    """Guards frozen contents: a head forced away is fetched by id until the forge prunes, then is "not our ref"."""
    lost = await forge.commit(META, {"a.md": "lost\n"}, "topic")
    await forge.delete_branch(META, "topic")
    await git("init", "-q", "--bare", str(tmp_path / "store"))
    fetch = ["fetch", "-q", f"{forge.url}/{META}.git", lost]
    assert (await git(*fetch, cwd=tmp_path / "store")).returncode == 0
    await forge.gc(META)
    await git("init", "-q", "--bare", str(tmp_path / "fresh"))
    done = await git(*fetch, cwd=tmp_path / "fresh")
    assert done.returncode != 0
    assert "not our ref" in done.stderr
    assert len(forge.refs(META)) == 1


async def test_filters_are_honoured(forge: StandIn, tmp_path: Path) -> None:
    """Guards the object store: big files and all files can be left behind."""
    await forge.commit(META, {"big": "x" * 5000, "small": "x"})
    for name, spec, blobs in (("none", "blob:none", 0), ("limit", "blob:limit=1k", 2)):
        done = await git("clone", "-q", "--bare", f"--filter={spec}", f"{forge.url}/{META}.git", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        listed = await git(
            "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)", cwd=tmp_path / name
        )
        assert listed.stdout.split().count("blob") == blobs


async def test_the_default_branch_and_pull_requests_are_in_ls_refs(forge: StandIn, tmp_path: Path) -> None:
    """Guards ls-refs: HEAD's target, also of an empty repository, and refs/pull/N/head."""
    await forge.commit(META, {"b": "b"}, "topic")
    await forge.open_pull(META, "topic")
    await forge.set_default_branch(META, "topic")
    listed = (await git("ls-remote", "--symref", f"{forge.url}/{META}.git")).stdout
    assert "ref: refs/heads/topic\tHEAD" in listed
    assert "refs/pull/1/head" in listed
    await forge.create_repository("acme/empty", default_branch="trunk")
    await git("-c", "protocol.version=2", "clone", "-q", f"{forge.url}/acme/empty.git", str(tmp_path / "empty"))
    assert (tmp_path / "empty/.git/HEAD").read_text().strip() == "ref: refs/heads/trunk"


async def test_a_default_branch_is_not_deleted_by_a_push(forge: StandIn, tmp_path: Path) -> None:
    """Seen on Gitea 1.26.3 and Forgejo 15.0.3: `branch main is the default branch and cannot be deleted`. One that is
    gone all the same was broken on the disk."""
    await git("clone", "-q", address(forge, META, forge.token), str(tmp_path / "work"))
    assert (await git("push", "-q", "origin", ":main", cwd=tmp_path / "work")).returncode != 0
    with pytest.raises(StandInError, match="branch main is the default branch and cannot be deleted"):
        await forge.delete_branch(META, "main", via="push")
    assert set(forge.repository(META).branches) == {"main"}


async def test_requests_are_counted(forge: StandIn) -> None:
    """Guards the tests that say what a sweep costs: every request is there, with its kind and status."""
    mark = forge.mark()
    await git("ls-remote", f"{forge.url}/{META}.git")
    async with aiohttp.ClientSession() as session, session.get(f"{forge.url}/api/v1/repos/acme/nope?x=1"):
        pass
    seen = [(r.kind, r.method, r.path, r.query, r.status) for r in forge.requests_since(mark)]
    assert seen == [
        ("git", "GET", f"/{META}.git/info/refs", "service=git-upload-pack", 200),
        ("git", "POST", f"/{META}.git/git-upload-pack", "", 200),
        ("rest", "GET", "/api/v1/repos/acme/nope", "x=1", 404),
    ]


async def test_odd_things_can_be_committed(forge: StandIn) -> None:
    """Guards readers of trees: links, submodules, odd names and deletions are what git holds."""
    odd = 'sub/"quoted"\\\n\ttäb.md'
    await forge.commit(META, {odd: b"\x00\xff", "link": Symlink("a.md"), "module": Submodule("1" * 40), "a.md": None})
    tree = await forge.repository(META).git.tree("main", recursive=True)
    assert {item.path: item.mode for item in tree if item.kind != "tree"} == {
        odd: "100644", "link": "120000", "module": "160000"
    }  # fmt: skip


async def test_a_token_with_few_scopes(forge: StandIn) -> None:
    """Guards `doctor`: with read:repository alone, issues, organizations and users are 403."""
    token = forge.create_token("root1", ["read:repository"])
    wanted = {
        f"repos/{META}": 200, f"repos/{META}/pulls": 200, "repos/search": 200, "version": 200,
        "repos/issues/search?type=pulls": 403, f"repos/{META}/issues/1/timeline": 403, "orgs/acme": 403, "user": 403,
        "user/repos": 403,
    }  # fmt: skip
    headers = {"Authorization": f"token {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for path, status in wanted.items():
            async with session.get(f"{forge.url}/api/v1/{path}") as answer:
                assert answer.status == status, path
        async with session.delete(f"{forge.url}/api/v1/repos/{META}") as answer:
            assert answer.status == 403
    await forge.set_private(META)  # git shows its token only where it is asked for one
    assert (await git("ls-remote", address(forge, META, token))).returncode == 0
    assert (await git("ls-remote", address(forge, META, forge.create_token("root1", ["read:user"])))).returncode != 0
    forge.revoke_token("root1")
    assert (await git("ls-remote", address(forge, META, token))).returncode != 0
