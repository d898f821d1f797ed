"""Templates: whatever stands between double braces is text, also where it comes from a repository."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from daemon.console import words


def _final(value: Any) -> Any:
    """Every text that a template puts out passes here. What replaces a letter holds none that HTML knows."""
    if isinstance(value, Markup):
        return Markup(words.shown(str(value)))  # noqa: S704 - no letter that HTML knows is added
    return words.shown(value) if isinstance(value, str) else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("daemon.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_final,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(tone=words.tone, counted=words.counted)
    made.filters.update(
        words=_words,
        capital=_capital,
        utc=_utc,
        instant=_instant,
        duration=words.duration,
        day=lambda value: f"{value:%Y-%m-%d}",
    )
    return made


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _instant(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


async def ready() -> None:
    """Compile every template, the first time beside the event loop: together they take a third of a second, in which
    whoever asks for the first page would hold up everybody.
    """
    if not _load_all.cache_info().currsize:
        await asyncio.to_thread(_load_all)


@cache
def _load_all() -> None:
    for name in _environment().list_templates(extensions=["html"]):
        _environment().get_template(name)


def render(name: str, **values: Any) -> bytes:
    """A template with its values, as UTF-8."""
    return _environment().get_template(name).render(**values).encode("utf-8", "replace")
