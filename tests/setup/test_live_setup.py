"""The same on a live Gitea or Forgejo; nothing is written there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from setup_place import command

from daemon.blocks import load_blocks
from daemon.config import load
from daemon.setup.access import Access
from daemon.setup.begin import greet
from gitea_client.secret import Secret

pytestmark = pytest.mark.live


async def test_a_live_forge_is_looked_at_and_its_configuration_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies on it: the owner with the most repositories gets a configuration, each repository a profile."""
    monkeypatch.chdir(tmp_path)
    url, token = os.environ["FORGEGLASS_LIVE_URL"], os.environ["FORGEGLASS_LIVE_TOKEN"]
    for name in ("FORGEGLASS_LIVE_URL", "FORGEGLASS_LIVE_TOKEN"):
        monkeypatch.delenv(name)  # no variables of a configuration
    Path("token").write_text(token)
    Path("token").chmod(0o600)
    greeting = await greet(Access(url, Secret(token)), owners=True)
    (owner, count), *_ = greeting.owners
    ran = await command("init", "--url", url, "--token-file", "token", "--owner", owner, "--json")
    assert ran.code == 0, ran.err
    assert token not in ran.out + ran.err + Path("forgeglass.toml").read_text()
    told = ran.json
    assert told["repositories"]["failed"] == []
    assert told["repositories"]["total"] >= count
    assert told["requests"] <= 30 + 5 * told["repositories"]["looked_at"]
    blocks = load_blocks(load(Path("forgeglass.toml"), {}))
    assert len(blocks) == len(told["blocks"])
    for name in sorted({seen for block in told["blocks"] for seen in block["seen_in"]})[:5]:
        inferred = await command("profile", "infer", name, "--output", "own.yaml", "--force", "--json")
        assert inferred.code == 0, inferred.err
        assert (await command("profile", "check", "own.yaml")).code == 0
