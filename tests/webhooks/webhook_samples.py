"""Recorded deliveries of both forges, and deliveries of our own making, signed as a forge signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*.json"))
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECRET = b"a secret of the tests"


@dataclass(frozen=True)
class Recorded:
    """One delivery as a live server, `gitea` or `forgejo`, sent it at a step of the recorded scenario."""

    server: str
    step: str
    secret: bytes
    headers: dict[str, str]
    body: bytes


def recorded() -> Iterator[Recorded]:
    """Every recorded delivery, of both forges."""
    for path in RECORDINGS:
        recording: dict[str, Any] = json.loads(path.read_text())
        for step in recording["steps"]:
            for each in step.get("deliveries", ()):
                yield Recorded(
                    path.stem.partition("-")[0],
                    step["step"],
                    recording["secret"].encode(),
                    each["headers"],
                    each["body"].encode(),
                )


def sign(body: bytes, secret: bytes = SECRET) -> str:
    """The digest that a forge sends."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def headers(body: bytes, *, delivery: str = "d-1", event: str = "push", secret: bytes = SECRET) -> dict[str, str]:
    """The headers that Gitea sends with a JSON body."""
    return {
        "Content-Type": "application/json",
        "X-Gitea-Delivery": delivery,
        "X-Gitea-Event": event,
        "X-Gitea-Event-Type": event,
        "X-Gitea-Signature": sign(body, secret),
    }


def push(repository_id: int = 7, ref: str = "refs/heads/main", after: str = "a" * 40) -> bytes:
    """The body of a push."""
    repository = {"id": repository_id, "full_name": "acme/meta", "owner": {"login": "acme"}}
    return json.dumps({"ref": ref, "after": after, "repository": repository}).encode()
