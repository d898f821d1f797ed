"""A process that answers questions and may be killed at any."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.work.killable import DiedError, Killable, TookTooLongError

HERE = str(Path(__file__).parent)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Killable]:
    monkeypatch.setattr(sys, "path", [HERE, *sys.path])
    made = Killable("killable_sample")
    yield made
    made.kill()


def test_it_answers_one_question_after_another(process: Killable) -> None:
    assert [process.ask(word, 60) for word in (b"abc", b"x" * 300_000 + b"y", b"de")] == [
        b"cba", b"y" + b"x" * 300_000, b"ed",
    ]  # fmt: skip


@pytest.mark.parametrize("question", [b"end", b"fail", b"memory", b"long"])
def test_it_is_started_again_after_it_ended(process: Killable, question: bytes) -> None:
    first = process.ask(b"process", 60)
    with pytest.raises(DiedError):
        process.ask(question, 60)
    assert process.ask(b"process", 60) != first


def test_a_question_that_takes_too_long_ends_it(process: Killable) -> None:
    number = int(process.ask(b"process", 60))
    with pytest.raises(TookTooLongError):
        process.ask(b"for ever", 0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert process.ask(b"abc", 60) == b"cba"


def test_it_gets_nothing_of_our_environment(process: Killable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens may stand there."""
    monkeypatch.setenv("FORGEGLASS_FORGE_TOKEN", "a secret")
    told = process.ask(b"environment", 60).decode()
    assert "FORGEGLASS" not in told
    assert "HOME" not in told


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_when_whoever_started_it_is_killed(busy: bool) -> None:
    """Else every `kill -9` would leave one behind, and one that is at work goes on for its whole time."""
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from daemon.work.killable import Killable\n"
        "one = Killable('killable_sample'); print(one.ask(b'process', 60).decode(), flush=True)\n"
        "import threading, time\n"
        "asking = threading.Thread(target=one.ask, args=(b'for ever', 600), daemon=True)\n"
        "if sys.argv[2]: asking.start(); time.sleep(0.2)\n"
        "os.kill(os.getpid(), 9)"
    )
    words = [sys.executable, "-c", code, HERE, "busy" if busy else ""]
    ran = subprocess.run(words, capture_output=True, check=False, timeout=60)
    number = int(ran.stdout)
    while _runs(number):
        pass  # until it sees that nobody asks any more; the test's own limit ends this otherwise


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
