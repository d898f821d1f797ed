"""The whole demo: started as a person starts it, stopped with Ctrl-C. (tests/docs runs the README's commands on it.)"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cache.digest import COVERED, digest
from daemon.commands import COMMANDS
from daemon.demo.running import Options, demo

ROOT = Path(__file__).parents[2]
STEPS = 40
"""Things that people do before each comparison."""
FORGEGLASS = [sys.executable, "-c", "from daemon.cli import main; main()"]


class Running:
    """A demo in a process of its own, in a directory of its own."""

    def __init__(self, place: Path, *arguments: str) -> None:
        self.place = place
        self.process = subprocess.Popen(
            [*FORGEGLASS, "demo", "--port", "0", "--forge-port", "0", *arguments],
            cwd=place, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said: list[str] = []

    def until(self, end: str) -> str:
        """Read on until a line holds `end`; everything said so far."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if end in line:
                return "".join(self.said)
        raise AssertionError(f"the demo ended: {''.join(self.said)}")

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C: the exit code, and what was said until the end."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate()
        return self.process.returncode, "".join(self.said) + rest

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("demo"), "--still")
    try:
        running.until("git clone")
        yield running
    finally:
        running.close()


def readme_commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- run: demo -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def test_the_commands_that_the_demo_prints_are_those_of_the_readme(still: Running) -> None:
    """The two are read side by side; what one says the other must not contradict."""
    printed = {re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8088", line.strip()) for line in still.said}
    queries = [line for line in readme_commands() if line.startswith("sqlite3") and "slug" in line]
    assert len(queries) == 1
    assert queries[0] in printed
    assert sum(line in printed for line in readme_commands()) >= 4


def test_secrets_are_in_files_of_one_user_and_nowhere_else(still: Running) -> None:
    """The demo is what people copy: a token in its output or in its log would be copied too."""
    place = still.place / ".demo"
    for name in ("token", "root1-token", "webhook-secret"):
        secret = place / name
        assert secret.stat().st_mode & 0o077 == 0
        value = secret.read_text().strip()
        assert len(value) >= 32
        for text in (
            "".join(still.said),
            (place / "forgeglass.log").read_text(),
            (place / "forgeglass.toml").read_text(),
        ):
            assert value not in text


def test_a_second_demo_in_the_same_directory_leaves_the_first_alone(still: Running) -> None:
    """It would empty the directory under the one that runs."""
    second = Running(still.place)
    second.process.wait()
    assert second.process.returncode == 2
    assert second.process.stdout is not None
    assert "is in use by process" in second.process.stdout.read()
    second.close()
    assert (still.place / ".demo" / "data" / "cache.db").exists()


def test_ctrl_c_stops_everything_cleanly(tmp_path: Path) -> None:
    """Nothing listens any more, no lock is held, and the next demo starts in the same place."""
    for _ in range(2):
        running = Running(tmp_path, "--pause", "0.05")
        try:
            running.until(" pushed ")
            code, said = running.interrupt()
        finally:
            running.close()
        assert code == 0, said
        assert said.endswith("stopping\nstopped\n")
        assert "Traceback" not in said
        assert not (tmp_path / ".demo" / "data" / "control.sock").exists()


def test_a_directory_that_no_demo_made_is_never_emptied(tmp_path: Path) -> None:
    """`--dir ~` must not cost anybody their files."""
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    done = subprocess.run(
        [*FORGEGLASS, "demo", "--dir", str(tmp_path)], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "was not made by a demo" in done.stderr
    assert mine.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [mine]


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo in this process must not send the other tests' logs to its file."""
    monkeypatch.setattr("daemon.demo.running.set_up", lambda stream, redactor, **named: None)


async def test_after_any_trickle_the_cache_is_what_the_forge_holds(tmp_path: Path) -> None:
    """Whatever people do, in any order: what deliveries and one sweep left must be what a fresh reading gives."""
    said: list[str] = []
    async with demo(Options(tmp_path / "demo", still=True), said.append) as running:
        engine = running.served.engine
        for _ in range(3):  # the second and third time on what the ones before made
            before = len(said)
            for _ in range(STEPS):
                await running.trickle.step()
            await running.forge.settle()
            await COMMANDS["sweep"](engine, {"deep": True}, lambda step: None)
            result, code = await COMMANDS["verify"](engine, {}, lambda step: None)
            assert code == 0, result["differences"]
            assert digest(await engine.store.load(COVERED)).digest == result["fresh"]
            assert len([line for line in said[before:] if " acme/" in line]) > STEPS * 3 // 4
