"""Which limit of ours ended a git program, told from how it ended."""

from __future__ import annotations

import signal

import pytest

from gitea_client.endings import limit_reached
from gitea_client.limits import ProgramLimits
from gitea_client.program import Ran

LIMITS = ProgramLimits(memory=111, processor=222, file=333)
XFSZ, XCPU, KILL = int(signal.SIGXFSZ), int(signal.SIGXCPU), int(signal.SIGKILL)


@pytest.mark.parametrize(
    ("code", "stderr", "limit"),
    [
        (-XFSZ, b"", "fetch_size"),
        (128, f"error: index-pack died of signal {XFSZ}\nfatal: invalid index-pack output".encode(), "fetch_size"),
        (128, b"fatal: write error: File too large", "fetch_size"),
        (-XCPU, b"", "git_time"),
        (128, f"error: index-pack died of signal {XCPU}".encode(), "git_time"),
        (128, b"fatal: Out of memory, malloc failed", "git_memory"),
        (128, b"fatal: out of memory", "git_memory"),
        (128, b"fatal: Cannot allocate memory", "git_memory"),
        (128, b"error: cannot allocate memory", "git_memory"),
        (128, b"fatal: mmap failed", "git_memory"),
        (128, b"fatal: malloc failed", "git_memory"),
        (128, b"fatal: unable to create thread: Resource temporarily unavailable", "git_memory"),
    ],
)  # fmt: skip
def test_a_limit_that_was_reached_is_told_by_its_name(code: int, stderr: bytes, limit: str) -> None:
    """With what it is now, since that is what a person has to raise."""
    amounts = {
        "fetch_size": "brings 333 bytes", "git_time": "computes for 222 seconds",
        "git_memory": "takes 111 bytes of memory",
    }  # fmt: skip
    error = limit_reached(Ran(code, b"", stderr), LIMITS, "fetch of x")
    assert error is not None
    assert (error.what, error.amount, error.limit) == ("fetch of x", amounts[limit], limit)


@pytest.mark.parametrize(
    ("code", "stderr"),
    [
        (0, b"warning: Out of memory"),
        (0, f"error: it died of signal {XFSZ}".encode()),
        (1, b""),
        (128, b"fatal: not our ref"),
        (-KILL, b""),
        (128, f"error: it died of signal {KILL}".encode()),
        (XFSZ, b""),
    ],
)
def test_what_ended_by_itself_reached_no_limit(code: int, stderr: bytes) -> None:
    """A program that did well may say what it likes; an exit code is no signal."""
    assert limit_reached(Ran(code, b"", stderr), LIMITS, "x") is None


def test_only_the_end_of_what_a_program_said_is_searched_for_signals() -> None:
    """What a server sends stands in it as well, as long as it likes."""
    said = f"died of signal {XCPU}\n".encode()
    assert limit_reached(Ran(1, b"", said + b"x" * (8_000 - len(said))), LIMITS, "x") is not None
    assert limit_reached(Ran(1, b"", said + b"x" * (8_001 - len(said))), LIMITS, "x") is None
