"""Output of git in pieces: bounded memory, and nothing left running."""

from __future__ import annotations

import os
from contextlib import aclosing
from pathlib import Path

import pytest

from gitea_client.errors import GitFailed
from gitea_client.program import environment
from gitea_client.streaming import PIECE, stream


async def test_what_is_said_comes_in_pieces(tmp_path: Path) -> None:
    """R1: output longer than may be held is parsed while it comes."""
    said = stream(["head", "-c", str(5 * PIECE), "/dev/zero"], cwd=tmp_path, env=environment({}), timeout=30)
    sizes = [len(piece) async for piece in said]
    assert (sum(sizes), max(sizes) <= PIECE) == (5 * PIECE, True)


async def test_a_reader_that_stops_ends_the_program(tmp_path: Path) -> None:
    """S8: a listing without end is left when the cap is reached; the program does not go on behind our back."""
    script = 'echo "$$"; while :; do echo more; done'
    async with aclosing(stream(["sh", "-c", script], cwd=tmp_path, env=environment({}), timeout=30)) as pieces:
        pid = int((await anext(pieces)).split(b"\n")[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["sh", "-c", "echo no good >&2; exit 3"], "ended with 3: no good"), (["sleep", "60"], "within 0.1 seconds"),
     (["no-such-program"], "could not be started")],
)  # fmt: skip
async def test_a_failure_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Guards against taking what came before a failure for all there is."""
    seconds = 0.1 if arguments[0] == "sleep" else 30
    with pytest.raises(GitFailed, match=said):
        async for _ in stream(arguments, cwd=tmp_path, env=environment({}), timeout=seconds):
            pass


async def test_what_is_asked_may_be_longer_than_a_pipe_holds(tmp_path: Path) -> None:
    """Guards against writing and reading in turns: both pipes full is a stand-still."""
    asked = b"x" * (1 << 20)
    said = stream(["cat"], cwd=tmp_path, env=environment({}), stdin=asked, timeout=30)
    assert b"".join([piece async for piece in said]) == asked
