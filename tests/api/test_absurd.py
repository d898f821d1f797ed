"""Whatever stands in an address is answered or refused in words: no number, name or date makes a fault of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from api_rows import revision_rows
from api_server import Cache, Client

ABSURD = (
    "1e9", "-1", str(2**70), str(-(2**63)), "0x10", "1_000", "١", "nan", "inf", "1e999", "0.1", "",
    "0000-00-00", "10000-01-01", "2026-02-30T25:61:61Z", "-0001-01-01", "0001-01-01T00:00:00+23:59",
    "a\x00b", "\ud800", "'; DROP TABLE entries --", "%", "_", "*", "\n", "../..", "x" * 2_600, "[]", "e1:" + "9" * 40,
)  # fmt: skip
LASTING = ("wait", "timeout", "wait_for")
"""Those wait; tests/serving/test_waiting.py has them."""


def addresses(document: dict[str, Any]) -> Iterator[str]:
    """Each kind of parameter of the API once, `VALUE` standing for what it says; also those of paths."""
    known, met = document["components"]["parameters"], set()
    for template, path in document["paths"].items():
        bare = template.removeprefix("/api/v1")
        if bare == "/events":  # has no end
            continue
        yield re.sub(r"\{[^}]*\}", "VALUE", bare)
        for told in [*path.get("parameters", ()), *path["get"].get("parameters", ())]:
            parameter = known[told["$ref"].rsplit("/", 1)[1]] if "$ref" in told else told
            name = parameter["name"]
            kind = (json.dumps(parameter["schema"]), name.partition("__")[2] or name)
            if "{" not in bare and parameter["in"] == "query" and name not in LASTING and kind not in met:
                met.add(kind)
                yield f"{bare}?{name}=VALUE"


async def test_no_value_of_any_parameter_is_a_fault_of_ours(client: Client, cache: Cache) -> None:
    """Guards every parameter that the description of the API knows, also ones added later."""
    await cache.put(*revision_rows())
    asked = list(addresses(await client.get("/openapi.json")))
    assert len(asked) > 50
    for turn, value in enumerate(ABSURD):
        for address in asked[turn % 3 :: 3]:  # each address has a third of the values, each value a third of them
            spelled = address.replace("VALUE", quote(value, safe="", errors="surrogatepass"))
            async with client.session.get(f"{client.root}/api/v1{spelled}") as response:
                body = await response.text()
                assert response.status in (200, 400, 404, 409, 410, 414), (spelled, response.status, body)
                assert response.status == 200 or response.content_type == "application/problem+json", spelled
                assert response.status == 200 or len(body) < 10_000, spelled


async def test_no_limit_gives_more_than_a_page(client: Client) -> None:
    for limit in ("201", "1000000000", str(2**70), "1e9", "-1"):
        assert "from 1 to 200" in (await client.get(f"/rfcs?limit={limit}", status=400))["detail"]
