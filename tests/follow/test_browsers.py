"""What the whole daemon tells pages of other origins: the API's lists and streams to those named, and nothing else."""

from __future__ import annotations

from serving_place import Place, rfc

ORIGIN = "https://dashboard.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}


async def test_named_origins_read_the_api_and_never_reach_the_receiver() -> None:
    """Guards the key of the configuration, and a receiver of deliveries that any page could post to."""
    async with Place() as place:
        place.configure(more=f'[api]\ncors_origins = ["{ORIGIN}"]\n')
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            _, _, headers = await daemon.get("/api/v1/rfcs", Origin=ORIGIN)
            assert dict(headers)["Access-Control-Allow-Origin"] == ORIGIN
            for path in ("/webhooks/gitea", "/metrics", "/healthz"):
                async with daemon.session.options(f"{daemon.url}{path}", headers=PREFLIGHT) as answer:
                    assert answer.status == 405
                    assert not [name for name in answer.headers if name.startswith("Access-Control")]
            async with daemon.session.get(f"{daemon.url}/metrics", headers={"Origin": ORIGIN}) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_star_is_warned_of() -> None:
    async with Place() as place:
        place.configure(more='[api]\ncors_origins = ["*"]\n')
        async with place.daemon() as daemon:
            warnings = daemon.engine.config.warnings
    assert [warning for warning in warnings if "api.cors_origins" in warning]
