"""Output of git in pieces: bounded memory, and nothing left running."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from gitea_client.errors import GitFailed
from gitea_client.program import environment, run
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


async def test_a_reader_that_stops_ends_a_program_of_which_much_waits_to_be_read(tmp_path: Path) -> None:
    """asyncio stops listening to a pipe of which too much is unread, and never sees the end of one it does not listen
    to: a bomb of paths that was given up would have held its repository for ever."""
    async with asyncio.timeout(20):
        async with aclosing(stream(["yes"], cwd=tmp_path, env=environment({}), timeout=30)) as pieces:
            await anext(pieces)
            await asyncio.sleep(0.3)  # meanwhile the pipe fills up


@pytest.mark.parametrize("script", ["yes", "yes >&2", "yes & sleep 0.1"])
async def test_a_program_that_says_too_much_is_ended_with_all_it_started(tmp_path: Path, script: str) -> None:
    """The same where the whole output was wanted: on either pipe, and where its writer outlives who started it."""
    async with asyncio.timeout(20):
        with pytest.raises(GitFailed, match="more than 10 bytes"):
            await run(["sh", "-c", script], cwd=tmp_path, env=environment({}), timeout=30, most_output=10)


async def test_a_program_whose_child_holds_the_pipe_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    """A program may end and leave another behind, in its group, that never does."""
    async with asyncio.timeout(20):
        with pytest.raises(GitFailed, match=r"within 0\.3 seconds"):
            await run(["sh", "-c", "sleep 600 & echo $! > child"], cwd=tmp_path, env=environment({}), timeout=0.3)
    for _ in range(100):
        if not Path(f"/proc/{(tmp_path / 'child').read_text().strip()}").exists():
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("what the program had started goes on")


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
