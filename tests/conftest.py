"""What holds for every test: nothing of this machine leaks in, and nothing leaks out.

In: no FORGEGLASS_ variable, proxy or Git configuration of whoever runs the tests. Out: no connection beyond this
machine, no task or socket left behind, no temporary directory, no file in the source tree.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import shutil
import socket
import tempfile
import warnings
from asyncio import runners
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import structlog
from hypothesis.configuration import set_hypothesis_home_dir

LIVE = ("FORGEGLASS_LIVE_URL", "FORGEGLASS_LIVE_TOKEN")
KEPT = (*LIVE, "FORGEGLASS_LIVE_WRITES")
IN_MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free in memory; all tests together need a tenth of it."""
PROFILE = os.environ.get("FORGEGLASS_TEST_PROFILE", "default")

set_hypothesis_home_dir(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forgeglass-hypothesis")
# No deadline: how long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True, max_examples=5_000)
hypothesis.settings.load_profile(PROFILE)


class OutsideError(Exception):
    """A test spoke to another machine. Not an OSError: code that survives a broken network must not hide it."""


def pytest_configure() -> None:
    """Clean the environment before any module of the project is imported."""
    for name in list(os.environ):
        ours = name.startswith("FORGEGLASS_") and name not in KEPT
        if ours or name.lower().endswith("_proxy") or name.startswith("GIT_") or name == "CREDENTIALS_DIRECTORY":
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a command that a test starts compiles nothing twice
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    if "TMPDIR" not in os.environ and _fits(IN_MEMORY):
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None
    import fresh_databases  # these import the project, so not before
    import shared_statements

    fresh_databases.install()
    shared_statements.install()


LONGEST = ("test_machine.py", "test_mutants.py", "test_faults.py", "test_pages_run.py", "test_removed.py")
"""They begin, so that at the end no processor waits for one of them."""


def _fits(place: Path) -> bool:
    """Whether tests may have their files there: fsync(2), of which databases do many, costs nothing in memory."""
    try:
        found = os.statvfs(place)
    except OSError:
        return False
    usable = os.access(place, os.W_OK | os.X_OK) and not found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    return usable and found.f_bavail * found.f_frsize >= ROOM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs a live forge or hours, where they are not given; begin with what takes longest."""
    live = pytest.mark.skip(reason="needs FORGEGLASS_LIVE_URL and FORGEGLASS_LIVE_TOKEN")
    soak = pytest.mark.skip(reason="run by `make soak`")
    for item in items:
        if "live" in item.keywords and not all(os.environ.get(name) for name in LIVE):
            item.add_marker(live)
        if "soak" in item.keywords and PROFILE != "soak":
            item.add_marker(soak)
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: a garbage collector that looks through all of it again and again takes a tenth of
    the time, and after each module a fifth of a second.
    """
    gc.collect()
    gc.freeze()


# Only this machine


def _outside(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost", urlsplit(os.environ.get(LIVE[0], "")).hostname):
        return False
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _refuse(host: object) -> None:
    if _outside(host):
        raise OutsideError(f"a test wanted to speak to {host!r}; start what it needs on 127.0.0.1")


@pytest.fixture(scope="session", autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Refuse connections to other machines, and resolve no names. Unix sockets are this machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        if _outside(host) and not _is_address(host):
            raise socket.gaierror(socket.EAI_NONAME, "tests resolve no names")
        return getaddrinfo(host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


# Nothing left behind

_left: list[str] = []


_NOT_OURS = {
    # aiohttp goes on reading a refused body for up to 10 s, also when its server is closed
    "RequestHandler.start",
    # SQLAlchemy 2.1 closes a connection whose statement was cancelled in a shielded task; cancelled once more, it also
    # stops aiosqlite's thread, and the task then waits for an answer of a thread that has ended
    "AsyncAdapt_aiosqlite_connection._terminate_graceful_close",
}
"""Tasks that libraries begin, and that nobody can wait for."""


def _is_ours(task: asyncio.Task[Any]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") not in _NOT_OURS


@pytest.fixture(scope="session", autouse=True)
def _tasks_are_counted() -> Iterator[None]:
    """Note the tasks that still run when an event loop is closed; asyncio cancels them without a word."""
    cancel_all = runners._cancel_all_tasks  # type: ignore[attr-defined] # the one place that sees every loop's end

    def noting(loop: asyncio.AbstractEventLoop) -> None:
        ending = [task for task in asyncio.all_tasks(loop) if _is_ours(task)]
        if ending:  # those about to end are let end: a wait only where something is left
            _, left = loop.run_until_complete(asyncio.wait(ending, timeout=2))
            _left.extend(map(repr, left))
        cancel_all(loop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runners, "_cancel_all_tasks", noting)
        yield


@pytest.fixture(autouse=True)
def _no_task_left() -> Iterator[None]:
    """Fail a test that leaves tasks running: in a daemon they would be writes nobody waits for."""
    _left.clear()
    yield
    left = list(_left)
    _left.clear()
    assert not left, f"tasks were still running at the end: {left}"


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that ran in this process leaves its logs as quiet as it wants them: the next test begins anew."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module", autouse=True)
def _nothing_unclosed() -> Iterator[None]:
    """Collect garbage after each module: a socket or file that nobody closed then warns, and a warning is an error."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place of this session's own for temporary files; its path is short, since Unix sockets' must be."""
    tmp_path_factory.getbasetemp()  # pytest's own directory is not to be made inside
    place = Path(tempfile.mkdtemp(prefix="fg-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(place))
        patch.setenv("TMPDIR", str(place))
        yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module", autouse=True)
def _no_temporary_left(_temporary: Path) -> Iterator[None]:
    """Fail a module that leaves temporary files: a daemon that does fills the disk."""
    before = set(_temporary.iterdir())
    yield
    left = sorted(path.name for path in set(_temporary.iterdir()) - before)
    assert not left, f"temporary files were left behind: {left}"
