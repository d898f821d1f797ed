"""What each surface says of how the daemon is, for tests of outages: asked as people, scrapers and scripts ask."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families
from serving_place import Daemon, Place, rfc

from daemon.commands import COMMANDS
from daemon.control import run_remote
from daemon.doctor.result import Result
from daemon.doctor.sweeping import judged


class Said(Struct, frozen=True):
    """What every surface says at one moment."""

    status: dict[str, Any]
    """`/api/v1/status`, to a token that sees everything."""
    stranger: dict[str, Any]
    """The same to somebody without a token."""
    metrics: dict[str, float]
    """`forgeglass_failing` by what fails, and `paused`."""
    doctor: list[Result]
    """What `forgeglass doctor` finds of the sweeps."""
    words: str
    """What `forgeglass status` prints."""
    code: int
    """Its exit code."""
    console: str
    """The overview, to a token that sees everything."""

    def everywhere(self, *parts: str) -> None:
        """Hold every surface to telling these parts to those who may know, and none to telling them to a stranger."""
        doctor = " ".join(f"{one.what} {one.remedy}" for one in self.doctor)
        failing = " ".join(f"{one['error']} {one['remedy']}" for one in self.status["failing"])
        for part in parts:
            assert part in failing
            assert part in doctor
            assert part in self.words
            assert part in self.console
            assert part not in str(self.stranger)

    def fails(self, what: str) -> None:
        """Hold every surface to saying that this fails, the stranger's too."""
        assert self.metrics[what] >= 1
        assert self.code == 1
        assert not self.status["well"]
        assert not self.stranger["well"]
        assert what in [one["what"] for one in self.status["failing"]]
        told = [one for one in self.stranger["failing"] if one["what"] == what]
        assert told
        assert all(one["error"] for one in told), "null would read as health"
        assert [one.status for one in self.doctor] == ["fail"] * len(self.doctor)

    def well(self) -> None:
        """Hold every surface to saying that nothing fails."""
        assert self.status["well"]
        assert self.stranger["well"]
        assert not any(self.metrics.values())
        assert self.code == 0
        assert [one.status for one in self.doctor] == ["ok"]
        assert " fails since " not in self.console + self.words


async def ask(place: Place, daemon: Daemon) -> Said:
    """Ask all of them."""
    token = await seeing_all(daemon)
    headers = {"Authorization": f"Bearer {token}"}
    _, status, _ = await daemon.get("/api/v1/status", **headers)
    _, stranger, _ = await daemon.get("/api/v1/status")
    _, text, _ = await daemon.get("/metrics")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    metrics = {sample.labels["what"]: sample.value for sample in samples if sample.name == "forgeglass_failing"}
    paused = next(sample.value for sample in samples if sample.name == "forgeglass_forge_paused")
    about, _ = await run_remote(place.data_dir / "control.sock", "about", {}, lambda _progress: None)
    ran = await place.command("status")
    _, page, _ = await daemon.get("/console/", **headers)
    told = " ".join(page.replace("&#39;", "'").replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">").split())
    return Said(
        status, stranger, {**metrics, "paused": paused}, judged(about["sweeps"]), ran.out, ran.code, told
    )


async def seeing_all(daemon: Daemon) -> str:
    """A token without scopes, made at the first time of asking."""
    known = getattr(daemon, "seeing_all", None)
    if known is None:
        made, _ = await COMMANDS["token-create"](daemon.engine, {"name": "operator"}, lambda _progress: None)
        known = made["token"]
        daemon.seeing_all = known  # type: ignore[attr-defined]
    return str(known)


async def push_both(place: Place, title: str) -> None:
    """Push an active entry, and the document of its own repository `acme/home`, both anew."""
    await place.forge.commit("acme/home", {"RFC.md": f"# {title}\n".encode()}, author="ada")
    await place.push(one=rfc(title, state="active", repo="acme/home"))
