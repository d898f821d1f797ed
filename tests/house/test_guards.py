"""The guards of tests/conftest.py, tried on tests that break them: a guard that never fires guards nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import hypothesis
import pytest
from hypothesis.configuration import storage_directory

CONFTEST = Path(__file__).parents[1] / "conftest.py"

CASES = {
    "a task left behind": (
        "async def test_it():\n    global kept\n"
        "    kept = asyncio.create_task(asyncio.Event().wait(), name='forgotten')\n",
        "*tasks were still running at the end:*forgotten*",
    ),
    "a socket left open": ("def test_it():\n    socket.socket()\n", "*unclosed <socket.socket*"),
    "a temporary directory": (
        "def test_it():\n    tempfile.mkdtemp(prefix='forgotten')\n",
        "*temporary files were left behind: *forgotten*",
    ),
    "another machine": (
        "def test_it():\n    with socket.socket() as one:\n        one.connect(('192.0.2.1', 80))\n",
        "*a test wanted to speak to '192.0.2.1'*",
    ),
    "a name": ("def test_it():\n    socket.getaddrinfo('example.org', 80)\n", "*tests resolve no names*"),
    "a warning": ("def test_it():\n    import warnings\n    warnings.warn('old')\n", "*UserWarning: old*"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_test_fails_that_leaves_or_reaches(case: str, pytester: pytest.Pytester) -> None:
    body, message = CASES[case]
    pytester.makeconftest(CONFTEST.read_text())
    for name in ("fresh_databases", "shared_statements"):
        pytester.makepyfile(**{name: CONFTEST.with_name(f"{name}.py").read_text()})
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    pytester.makepyfile(f"import asyncio, socket, tempfile\n\n{body}")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    assert result.ret != 0
    result.stdout.fnmatch_lines([message])


def test_this_machine_may_be_spoken_to() -> None:
    """The guard must not stop what tests are made of."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_nothing_of_whoever_runs_the_tests_leaks_in() -> None:
    """A proxy or a FORGEGLASS_ variable of a developer's shell makes tests pass or fail there alone."""
    assert not [name for name in os.environ if name.startswith("FORGEGLASS_") and "LIVE" not in name]
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
    assert os.environ["GIT_CONFIG_GLOBAL"] == os.devnull


def test_property_tests_have_no_deadline_and_keep_nothing_in_the_tree() -> None:
    """Deadlines fail on slow machines; examples in the tree are committed by mistake."""
    assert hypothesis.settings().deadline is None
    tree = Path(__file__).parents[2]
    assert not Path(storage_directory("examples").path).is_relative_to(tree)
