"""What a program says, piece by piece while it runs: for output that is longer than may be held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

from gitea_client import fetching, program
from gitea_client.endings import limit_reached
from gitea_client.errors import GitFailed
from gitea_client.limits import ORDINARY, ProgramLimits

PIECE = 16 * 1024
"""Bytes at a time: telling which of a hundred paths are looked for takes 5 ms, after which the event loop goes on."""
_LONGEST_COMPLAINT = 1 << 20


async def stream(
    arguments: Sequence[str | bytes],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float,  # noqa: ASYNC109  # from the start to the end, whatever the reader does in between
    limits: ProgramLimits = ORDINARY,
) -> AsyncGenerator[bytes, None]:
    """Run a program and give what it says in pieces of at most `PIECE` bytes.

    A reader that has seen enough closes the iterator (`contextlib.aclosing`), which ends the program; that is no
    error. Raises GitFailed where the program cannot be started, fails, or does not end within `timeout` seconds.
    """
    name = program.named(arguments)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    process = await program.start(arguments, cwd=cwd, env=env, limits=limits)
    assert process.stdin is not None  # noqa: S101  # all three are pipes; for the type checker
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    feeding = asyncio.create_task(program.feed(process.stdin, stdin))
    complaint = asyncio.create_task(_beginning(process.stderr))
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                piece = await process.stdout.read(PIECE)
            if not piece:
                break
            yield piece
            await asyncio.sleep(0)  # `read` does not wait where there is more already
        async with asyncio.timeout_at(deadline):
            await process.wait()
            said = await complaint
        if process.returncode:
            if reached := limit_reached(program.Ran(process.returncode, b"", said), limits, name):
                raise reached
            raise GitFailed(f"{name} ended with {process.returncode}: {fetching.quotable(said, None)}")
    except TimeoutError:
        raise GitFailed(f"{name} did not end within {timeout:g} seconds") from None
    finally:
        feeding.cancel()
        complaint.cancel()
        await asyncio.gather(feeding, complaint, return_exceptions=True)
        await program.end(process)


async def _beginning(pipe: asyncio.StreamReader) -> bytes:
    """The first bytes that a program complains with; what follows is read and dropped, so that it never waits."""
    kept = bytearray()
    while part := await pipe.read(PIECE):
        kept += part[: max(0, _LONGEST_COMPLAINT - len(kept))]
    return bytes(kept)
