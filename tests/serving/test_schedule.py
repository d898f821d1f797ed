"""When sweeps run, by a clock of the test's own; and a forge and a daemon at addresses of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from serving_place import PATIENCE, Place, rfc
from structlog.testing import capture_logs

from daemon.sweep.schedule import Schedule


class Sweeps:
    """Notes what a schedule starts. Every sweep takes a second of the clock, and some fail."""

    def __init__(self, *, failing: int = 0) -> None:
        self.now = 0.0
        self.done: list[str] = []
        self.shares: list[float] = []
        self._failing = failing
        self._news = asyncio.Event()

    def clock(self) -> float:
        return self.now

    async def deep(self) -> None:
        self._end("deep")

    async def quiet(self, *, lists: bool) -> None:
        self.now += 60  # the pause before it
        self._end("lists" if lists else "quiet")

    async def deepen(self, share: float) -> None:
        self.shares.append(share)
        self._news.set()

    def _end(self, kind: str) -> None:
        self.done.append(kind)
        if self._failing:
            self._failing -= 1
            raise RuntimeError("a fault of ours")

    async def turns(self, count: int) -> None:
        """Wait for so many rounds after the first sweep."""
        async with asyncio.timeout(PATIENCE):
            while len(self.shares) < count:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def running(sweeps: Sweeps, interval: float, deep_interval: float = 600) -> AsyncIterator[Schedule]:
    schedule = Schedule(sweeps, interval, deep_interval, sweeps.clock)
    task = asyncio.create_task(schedule.run())
    try:
        yield schedule
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_first_sweep_is_deep_and_quiet_ones_follow_with_the_lists_once_a_deep_interval() -> None:
    """Guards against what was missed while nothing ran, and against lists that are never complete again."""
    sweeps = Sweeps()
    async with running(sweeps, 0.0001) as schedule:
        await sweeps.turns(25)
        assert schedule.first.is_set()
    assert sweeps.done[0] == "deep"
    lists = [place for place, kind in enumerate(sweeps.done[1:26]) if kind == "lists"]
    assert len(lists) == 2
    assert lists[1] - lists[0] == 10  # 600 s of deep interval, 60 s each


async def test_the_shares_of_one_deep_interval_are_the_whole() -> None:
    """Guards the promise that every repository is looked at once in a deep interval, whatever signals say."""
    sweeps = Sweeps()
    async with running(sweeps, 0.0001) as _:
        await sweeps.turns(21)
    assert abs(sum(sweeps.shares[1:11]) - 1) < 1e-9
    assert abs(sum(sweeps.shares[11:21]) - 1) < 1e-9


async def test_a_nudge_brings_the_next_sweep_forward_and_many_are_one() -> None:
    """Guards `sweep soon`: at once, and not once for each of a hundred deliveries."""
    sweeps = Sweeps()
    async with running(sweeps, 3600) as schedule:
        await schedule.first.wait()
        for _ in range(100):
            schedule.nudge()
        await sweeps.turns(1)
        assert sweeps.done == ["deep", "quiet"]
        schedule.nudge()
        await sweeps.turns(2)
        assert sweeps.done == ["deep", "quiet", "quiet"]


async def test_a_sweep_that_fails_by_our_fault_is_logged_and_does_not_end_the_loop() -> None:
    """Guards against a daemon that serves for weeks and has not swept since a bug on Monday."""
    sweeps = Sweeps(failing=3)
    with capture_logs() as lines:
        async with running(sweeps, 0.0001) as schedule:
            await sweeps.turns(5)
            assert schedule.first.is_set()
            assert schedule.beat > 0
    assert [line["event"] for line in lines] == ["sweep.failed"] * 3
    assert all("report it" in line["remedy"] for line in lines)


async def test_every_repository_has_its_turn_once_in_a_deep_interval() -> None:
    """Guards what no signal tells of, such as refs changed on disk: found within one deep interval."""
    async with Place() as place:
        for number in range(5):
            await place.forge.create_repository(f"acme/home{number}")
            await place.forge.commit(f"acme/home{number}", {"RFC.md": b"# Document\n"}, author="ada")
        entries = {f"e{n}": rfc(f"E{n}", state="active", repo=f"acme/home{n}") for n in range(5)}
        await place.push(**entries)
        async with place.daemon() as daemon:
            await daemon.sweep()
            for number in range(5):
                refs = place.forge.refs(f"acme/home{number}")
                await place.forge.plant_ref(f"acme/home{number}", "refs/heads/planted", refs["refs/heads/main"])
            mark = place.forge.mark()
            for _ in range(12):
                await daemon.engine.desk.sweeper.deepen(1 / 12)
            looks = [r.path for r in place.forge.requests_since(mark) if r.path.endswith("git-upload-pack")]
            names = ["meta", *(f"home{number}" for number in range(5))]
            assert set(looks) >= {f"/acme/{name}.git/git-upload-pack" for name in names}
            assert len(looks) <= 2 * len(names)  # refs of each, and the objects of none or of one push
            for number in range(5):
                items = (await daemon.get(f"/api/v1/rfcs/e{number}/branches"))[1]["items"]
                assert "planted" in {item["name"] for item in items}


@asynccontextmanager
async def below(url: str, path: str) -> AsyncIterator[str]:
    """A proxy that serves the forge at `url` below a path."""

    async def forward(request: web.Request) -> web.Response:
        target = url + request.path_qs.removeprefix(path)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        async with session.request(
            request.method, target, headers=headers, data=await request.read(), allow_redirects=False
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k in ("Content-Type", "X-Total-Count", "Link", "Date")}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", path + "/{rest:.*}", forward)
    runner = web.AppRunner(app, access_log=None)
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        finally:
            await runner.cleanup()


async def test_a_forge_below_a_path_is_read_like_any_other() -> None:
    """Guards against addresses put together without the forge's sub-path, in REST, in Git and in links."""
    async with Place() as place, below(place.forge.url, "/git") as url:
        place.forge.root_url = url
        await place.push(one=rfc("One"))
        await place.forge.commit("acme/meta", {"rfcs/n.md": rfc("N")}, branch="propose/n", start="main", author="ada")
        number = await place.forge.open_pull("acme/meta", head="propose/n", title="N", by="ada")
        place.configure(url=url)
        async with place.daemon() as daemon:
            await daemon.sweep(deep=True)
            assert await daemon.titles() == {"one": "One"}
            (pull,) = (await daemon.get("/api/v1/pulls"))[1]["items"]
            assert f"{url}/acme/meta/pulls/{number}" in pull.values()
            await place.push(one=rfc("Two"))
            await place.forge.deliveries.settle()
            await daemon.engine.desk.workers.idle()
            assert await daemon.titles() == {"one": "Two"}
