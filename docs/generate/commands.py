"""The page of commands, from the command itself."""

from __future__ import annotations

import click
import marks
from marks import code, plain, table

from daemon.cli import main

INTRO = """\
Where a daemon owns `data_dir`, a command that needs its state runs inside it; where none does, it runs by itself.
`--json` prints one JSON object on standard output and nothing else; progress goes to standard error.

| exit code | |
| --- | --- |
| 0 | well |
| 1 | not as it should be: `verify`, `doctor` or `status` found something, `hooks` has work to do, `profile` a mistake |
| 2 | wrong use, or a mistake in the configuration |
| 3 | something could not be read, or written (a full disk), or no daemon runs (`status`) |
| 130 | ended with Ctrl-C |

An error is one line that names the thing and its remedy.
"""


def described(command: click.Command, name: str, level: int) -> str:
    """A command and those below it."""
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"{'#' * level} {name}\n", f"    {name} {usage}\n", plain(command.help or "") + "\n"]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        parts.append(table(("option", "what it does"), [(_written(one), _help(one, context)) for one in options]))
    if isinstance(command, click.Group):
        below = sorted(command.commands.items())
        parts += [described(one, f"{name} {own}", min(level + 1, 3)) for own, one in below]
    return "\n".join(parts)


def _written(option: click.Option) -> str:
    names = ", ".join(code(name) for name in [*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return names
    choices = option.type.choices if isinstance(option.type, click.Choice) else None
    value = "|".join(map(str, choices)) if choices else (option.metavar or option.type.name).upper()
    return f"{names} {code(value)}"


def _help(option: click.Option, context: click.Context) -> str:
    notes = []
    if option.multiple and "several times" not in (option.help or ""):
        notes.append("may be given several times")
    default = option.default
    if not option.is_flag and default is not None and isinstance(default, str | int | float) and default != "":
        notes.append(f"else {code(default)}")
    help_ = plain(option.help or "").partition("  [default")[0].partition(" [default")[0]
    return help_ + (f" ({'; '.join(notes)})" if notes else "")


def page() -> str:
    """The page."""
    return marks.page("Commands", INTRO, described(main, "forgeglass", 2))
