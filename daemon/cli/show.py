"""Results as people read them."""

from __future__ import annotations

from typing import Any

import click

from daemon.api.telling import harmless


def show(command: str, result: dict[str, Any]) -> None:
    """Print a command's result."""
    _SHOWN[command](result)


def _report(result: dict[str, Any]) -> None:
    requests = result["requests"]
    click.echo(
        f"{result['kind']}: {result['reconciled']} of {result['repositories']} repositories read, "
        f"{result['changes']} changes, {requests['rest']} REST and {requests['git']} Git requests, "
        f"{result['seconds']:.2f} s"
    )
    _troubles(result)


def _verified(result: dict[str, Any]) -> None:
    if result["equal"]:
        click.echo(f"equal: {result['live']}")
        return
    click.echo(f"not equal: live {result['live']}, fresh {result['fresh']}")
    for each in result["differences"]:
        click.echo(
            f"  {each['table']} {each['key']} {each['column']}: {each['live']!r} is {each['fresh']!r} on the forge"
        )
    _troubles(result)


def _troubles(result: dict[str, Any]) -> None:
    for trouble in result["errors"]:
        click.echo(f"  {harmless(trouble['scope'])}: {harmless(trouble['error'])}", err=True)
        click.echo(f"    remedy: {harmless(trouble['remedy'])}", err=True)


def _digest(result: dict[str, Any]) -> None:
    click.echo(f"{result['digest']}  {result['rows']} rows")


def _table(result: dict[str, Any]) -> None:
    rows = result["rows"]
    if not rows:
        click.echo("no rows")
        return
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    click.echo("  ".join(harmless(name).ljust(width) for name, width in zip(names, widths, strict=True)).rstrip())
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    text = "" if value is None else harmless(str(value).replace("\n", "⏎"))
    return text if len(text) <= 60 else text[:59] + "…"


_SHOWN = {"sweep": _report, "rebuild": _report, "verify": _verified, "digest": _digest, "query": _table}
