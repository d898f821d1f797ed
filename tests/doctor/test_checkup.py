"""How checks are run: together, bounded, each failure told once, whatever a check does."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from doctor_place import ROOT, Place
from hypothesis import given
from hypothesis import strategies as st

from daemon.doctor.checkup import Check, examine
from daemon.doctor.result import Result, fail, ok, skip, warn
from daemon.doctor.threads import Abandoned
from gitea_client.errors import Forbidden

Run = Callable[[None], Awaitable[list[Result]]]


def says(*results: Result) -> Run:
    async def run(_: None) -> list[Result]:
        return list(results)

    return run


async def hangs(_: None) -> list[Result]:
    await asyncio.Event().wait()
    return []


async def test_what_needs_a_check_that_failed_is_skipped_and_names_the_first_cause() -> None:
    """Guards against ten failures for one cause: a reader mends the first, and they all go."""
    checks = [
        Check("last", says(ok("last", "x")), ("middle",)),
        Check("middle", says(ok("middle", "x")), ("first",)),
        Check("first", says(fail("first", "broken", "mend it"))),
        Check("other", says(warn("other", "odd", "look"))),
        Check("after other", says(ok("after other", "x")), ("other",)),
    ]
    found = await examine(checks, None)
    assert [(result.check, result.status) for result in found] == [
        ("last", "skip"), ("middle", "skip"), ("first", "fail"), ("other", "warn"), ("after other", "ok"),
    ]  # fmt: skip
    assert found[0].what == found[1].what == "not looked at: first comes first"


async def test_a_check_that_skips_itself_gives_its_reason_to_those_that_need_it() -> None:
    checks = [Check("a", says(skip("a", "there is none"))), Check("b", says(ok("b", "x")), ("a",))]
    assert [result.what for result in await examine(checks, None)] == ["there is none"] * 2


@given(st.lists(st.sampled_from(["ok", "warn", "fail", "skip", "raises", "forge"]), min_size=1, max_size=8), st.data())
def test_every_check_has_a_result_and_nothing_is_raised(kinds: list[str], data: st.DataObject) -> None:
    """Whatever checks say or raise and whichever need which: all are told, in their order, failures once."""

    async def raises(_: None) -> list[Result]:
        raise ZeroDivisionError("a fault of ours, with a secret in it")

    async def refused(_: None) -> list[Result]:
        raise Forbidden(403, "GET /api/v1/user")

    checks: list[Check[None]] = []
    for number, kind in enumerate(kinds):
        name = f"check {number}"
        plain = says(Result(name, kind, "x", "y")) if kind in ("ok", "warn", "fail", "skip") else None  # type: ignore[arg-type] # one of the four
        run = plain or (raises if kind == "raises" else refused)
        earlier = [check.name for check in checks]
        needs = data.draw(st.lists(st.sampled_from(earlier), max_size=2)) if earlier else []
        checks.append(Check(name, run, tuple(needs)))
    found = asyncio.run(examine(checks, None))
    assert [result.check for result in found] == [check.name for check in checks]
    bad = {result.check for result in found if result.status in ("fail", "skip")}
    for check, result in zip(checks, found, strict=True):
        if bad & set(check.needs):
            assert result.status == "skip"
        assert "secret" not in result.what + result.remedy
        assert "Traceback" not in result.what


async def test_a_check_that_hangs_is_a_failure_and_holds_up_nothing() -> None:
    quick = says(ok("quick", "x"))
    checks = [Check("slow", hangs, seconds=0.01), Check("needs it", says(), ("slow",)), Check("quick", quick)]
    found = await examine(checks, None)
    assert [result.status for result in found] == ["fail", "skip", "ok"]
    assert "no answer within" in found[0].what


async def test_all_of_it_ends_in_time() -> None:
    checks = [Check(f"slow {number}", hangs, seconds=60) for number in range(5)]
    found = await examine(checks, None, within=0.01)
    assert [result.status for result in found] == ["fail"] * 5
    assert "not known after" in found[0].what


async def test_a_disk_that_fails_under_a_check_is_named() -> None:
    """Guards against "report it": what the system says is nobody's fault of ours."""

    async def full(_: None) -> list[Result]:
        raise OSError(errno.ENOSPC, "No space left on device", "/data/x")

    (found,) = await examine([Check("git", full)], None)
    assert (found.status, found.what) == ("fail", "/data/x: the disk is full")
    assert "free some space" in found.remedy


async def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    await examine([Check(name, says()) for name in "abc"], None, tell=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_thread_that_hangs_does_not_keep_the_command_from_ending() -> None:
    """Guards the end: asyncio joins its own threads, and a name server or a network disk may hang for minutes."""
    import threading

    never = threading.Event()

    async def main() -> str:
        asyncio.get_running_loop().set_default_executor(Abandoned())
        assert await asyncio.to_thread(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.to_thread(never.wait)
        return "ended"

    assert asyncio.run(main()) == "ended"
    never.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_doctor_that_is_told_to_stop_deletes_its_webhook_first(number: int) -> None:
    """Guards the forge: whoever presses Ctrl-C while the delivery is awaited leaves nothing there."""
    async with Place() as place:
        place.forge.deliveries.drop = True
        before = dict(place.forge.world.hooks)
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from daemon.cli import main; main()", "--config", str(place.config_file),
            "doctor", "--token-file", str(place.admin), "--wait", "15",
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not any(request.path.endswith("/tests") for request in place.forge.requests):
                await asyncio.sleep(0.02)
            assert len(place.forge.world.hooks) == 2
            made.send_signal(number)
            _, err = await made.communicate()
        assert made.returncode == 130, err.decode()
        assert b"Traceback" not in err
        assert place.forge.world.hooks == before


def test_the_page_speaks_of_every_check() -> None:
    """A check that the page does not explain leaves its reader alone with it."""
    from daemon.doctor.every import every

    page = (Path(ROOT) / "docs" / "how-to" / "doctor.md").read_text()
    for check in every():
        assert f"`{check.name}`" in page or check.name == "files", check.name
