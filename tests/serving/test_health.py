"""What a running daemon tells of itself, and what it never tells: secrets."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import aiohttp
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from serving_place import SECRET, Daemon, Place, rfc, until

from daemon.metrics import METRICS
from gitea_client.fake import Fault

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def metrics(daemon: Daemon) -> Samples:
    """Every sample of /metrics by name and labels."""
    status, text, _ = await daemon.get("/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_ready_is_told_only_once_something_is_there() -> None:
    """Guards against a balancer that sends readers to an empty cache, and against one that waits for ever."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            assert (await daemon.get("/healthz"))[0] == 200
            assert (await daemon.get("/readyz"))[:2] == (503, {"ready": False})
            await daemon.sweep()
            assert (await daemon.get("/readyz"))[:2] == (200, {"ready": True})
        place.forge.faults.refuse_all()
        async with place.daemon() as daemon:  # what a former run read is served, whether the forge answers or not
            assert (await daemon.get("/readyz"))[:2] == (200, {"ready": True})
            assert await daemon.titles() == {"one": "One"}


async def test_one_repository_that_was_read_is_not_the_first_sweep() -> None:
    """Guards readers of a fresh cache: while the first sweep goes on, most of what there is is missing."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        await place.forge.create_repository("acme/other")
        async with place.daemon() as daemon:
            await daemon.sweep()
            book = daemon.engine.desk.book
            owner = book.owner("acme")
            assert owner is not None
            await book.turn(notes=[replace(owner, swept_at=None)])
            assert book.world.mirrored
            assert (await daemon.get("/readyz"))[:2] == (503, {"ready": False})


async def test_an_owner_that_cannot_be_read_keeps_nobody_from_the_others() -> None:
    """Guards against a daemon that is never ready because of one owner, and one that is with nothing to serve."""
    async with Place() as place:
        text = place.config_file.read_text().replace('owners = ["acme"]', 'owners = ["acme", "nobody"]')
        place.config_file.write_text(text)
        await place.push(one=rfc("One"))
        place.forge.faults.set(Fault("status", match="/repos/search", status=404))
        async with place.daemon(scheduled=True) as daemon:
            await daemon.served.schedule.first.wait()
            assert (await daemon.get("/readyz"))[:2] == (503, {"ready": False})
            place.forge.faults.clear()
            assert (await daemon.engine.desk.sweeper.sweep()).errors
            assert (await daemon.get("/readyz"))[0] == 200
            assert await daemon.titles() == {"one": "One"}


async def test_metrics_have_the_names_of_the_table_and_count_what_the_forge_counted() -> None:
    """Guards dashboards: no series but those documented, and requests as a proxy in between would count them."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        mark = place.forge.mark()
        async with place.daemon() as daemon:
            await daemon.sweep()
            await place.push(one=rfc("Two"), bad=b"no front matter")
            await place.forge.deliveries.settle()
            await daemon.engine.desk.workers.idle()
            await daemon.sweep(deep=True)
            found = await metrics(daemon)
            asked = place.forge.requests_since(mark)
            text = (await daemon.get("/metrics"))[1]
            families = {family.name for family in text_string_to_metric_families(text)}
            assert families == {metric.full_name.removesuffix("_total") for metric in METRICS}
            counted: Counter[str] = Counter()
            for (name, labels), value in found.items():
                if name == "forgeglass_forge_requests_total":
                    assert dict(labels)["status"] == "200" or dict(labels)["status"] == "404"
                    counted[dict(labels)["kind"]] += int(value)
            assert counted == Counter(request.kind for request in asked)
            assert found["forgeglass_sweeps_total", (("kind", "deep"), ("outcome", "done"))] == 1
            assert found["forgeglass_sweeps_total", (("kind", "quiet"), ("outcome", "done"))] == 1
            assert found["forgeglass_deliveries_total", (("event", "push"), ("outcome", "accepted"))] == 1
            assert found["forgeglass_delivery_lag_seconds_count", ()] == 1
            assert found["forgeglass_inbox_pending", ()] == 0
            assert found["forgeglass_repositories", (("state", "fresh"),)] == 1
            assert found["forgeglass_feed_sequence", ()] == daemon.engine.store.sequence
            assert sum(v for (name, _), v in found.items() if name == "forgeglass_findings_open") == 1
            assert sum(v for (name, _), v in found.items() if name == "forgeglass_changes_total") == (
                daemon.engine.store.applied
            )


async def test_status_says_how_everything_stands() -> None:
    """Guards what a person looks at first when something seems wrong."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.faults.set(Fault("status", match="git-upload-pack", status=403))
            await place.push(one=rfc("Two"))
            await place.forge.deliveries.settle()
            await daemon.engine.desk.workers.idle()
            status = (await daemon.get("/api/v1/status"))[1]
            (owner,) = status["owners"]
            (repository,) = status["repositories"]
            assert (owner["name"], owner["repositories"], owner["last_error"]) == ("acme", 1, None)
            assert (repository["full_name"], repository["in_back_off"]) == ("acme/meta", True)
            assert repository["failures"] >= 1
            assert "403" in repository["last_error"]
            assert "scopes" in repository["remedy"]
            assert repository["observed_at"] is not None
            assert status["deliveries"]["pending"] == 1
            assert status["sweeps"][0]["kind"] == "quiet"
            assert status["epoch"] == daemon.engine.epoch.now
            asked = Counter(request.kind for request in place.forge.requests)
            assert status["requests"] == {"rest": asked["rest"], "git": asked["git"]}
            assert (await metrics(daemon))["forgeglass_repositories", (("state", "backoff"),)] == 1


def arguments_of_all() -> list[tuple[str, bytes]]:
    """The arguments of every process of this machine that can be seen."""
    seen = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            seen.append((place.name, (place / "cmdline").read_bytes()))
        except OSError:  # it ended meanwhile
            continue
    return seen


async def test_no_secret_is_in_logs_arguments_answers_or_files() -> None:
    """Guards the token and the webhook secret at the most talkative setting, with faults that quote what was sent."""
    async with Place(seed=os.getpid()) as place:  # with a token of its own: other tests' programs are seen here too
        token = place.forge.token
        wrapper = place.root / "git"  # a git program that notes how it was called
        wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {place.root}/calls\nexec git "$@"\n')
        wrapper.chmod(0o755)
        text = place.config_file.read_text().replace("[sweep]", f'git = "{wrapper}"\n[sweep]')
        place.config_file.write_text(text)
        await place.push(one=rfc("One"))
        place.forge.faults.set(
            Fault("status", match="info/refs", status=403, count=1),
            Fault("cut", match="git-upload-pack", count=2),
            Fault("wrong_json", match="/repos/search", count=1),
        )
        async with place.process() as daemon:
            line = await daemon.logged("sweep.done")
            assert line["errors"]  # the faults were met
            await place.push(one=rfc("Two", body="kept between us\n"))
            await place.forge.deliveries.settle()

            async def there() -> bool:
                for path, seen in arguments_of_all():  # while git runs, too
                    assert token.encode() not in seen, path
                    assert SECRET.encode() not in seen, path
                question = f"{daemon.url}/api/v1/rfcs/one"
                async with aiohttp.ClientSession() as session, session.get(question) as answer:
                    return answer.status == 200 and (await answer.json())["title"] == "Two"

            await until(there)
            code, _ = await daemon.end(signal.SIGTERM)
            assert code == 0
            lines = "".join(daemon.lines)
        assert all(isinstance(json.loads(line), dict) for line in lines.splitlines())
        calls = (place.root / "calls").read_text()
        assert "fetch" in calls
        assert "kept between us" not in lines  # nor what people write: debug is no copy of the database
        for text in (lines, calls):
            assert token not in text
            assert SECRET not in text
        for path in place.data_dir.rglob("*"):
            if path.is_file():
                kept = path.read_bytes()
                assert SECRET.encode() not in kept, path
                assert token.encode() not in kept, path
