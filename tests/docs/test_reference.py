"""The reference is made from the code, and lacks nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
from aiohttp import web
from docs_pages import ROOT

from cache.profile.format import profile_schema
from cache.profile.loader import load_profile, shipped
from cache.profile.rules import RULES
from cache.schema import metadata
from daemon.api.app import Api
from daemon.api.problems import PROBLEMS
from daemon.cli import main
from daemon.config.keys import KEYS, SECRET_VARIABLES
from daemon.metrics import METRICS
from webhooks.problem import PROBLEMS as RECEIVER

PACKAGES = ("cache", "webhooks", "daemon")


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")


def test_the_pages_are_what_the_code_gives() -> None:
    """A page that lags behind the code misleads most where it is most trusted."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate"), "--check"],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def missing(name: str, wanted: Sequence[str]) -> list[str]:
    """What a page does not name as code."""
    assert wanted
    told = set(re.findall(r"`([^`\n]+)`", page(name)))
    return [one for one in wanted if one not in told]


def test_every_key_and_variable_of_the_configuration_is_there() -> None:
    names = [key.name.rpartition(".")[2] for key in KEYS]
    parameters = [name for path in shipped().glob("*.yaml") for name in load_profile(path).spec.parameters]
    assert not missing("configuration", [*names, *parameters, *SECRET_VARIABLES.values()])


def commands(command: click.Command, name: str = "forgeglass") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            yield from commands(one, f"{name} {below}")


@pytest.mark.parametrize(("name", "command"), list(commands(main)), ids=lambda value: value if value is str else None)
def test_every_command_and_option_is_there(name: str, command: click.Command) -> None:
    section = re.search(rf"^##+ {re.escape(name)}\n(.*?)(?=^##|\Z)", page("commands"), re.MULTILINE | re.DOTALL)
    assert section is not None
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(f"`{option}`" in section[1] for option in parameter.opts)


def test_every_metric_is_there() -> None:
    assert not missing("metrics", [metric.full_name for metric in METRICS])


def test_every_rule_is_there_with_its_remedy() -> None:
    text = page("findings")
    for rule in RULES.values():
        assert f"\n## {rule.id}\n" in text


def test_every_problem_is_there() -> None:
    assert not missing("problems", [*PROBLEMS, *RECEIVER])


def test_every_route_is_there() -> None:
    """Routes that exist and are told to nobody are used by nobody, or by the wrong ones."""
    api = Api.__new__(Api)  # its routes need no context until they are asked
    for name in ("_context", "_events", "_waits", "_description", "_docs"):
        setattr(api, name, _Anything())
    paths = {route.path for route in api.routes() if isinstance(route, web.RouteDef)}
    paths -= {path for path in paths if path.endswith(".css") or "(?s:" in path}
    assert not missing("http", sorted(paths | {"/healthz", "/readyz", "/metrics"}))


class _Anything:
    def __getattr__(self, name: str) -> object:
        return self


def test_every_view_and_table_is_there_with_its_columns() -> None:
    text = page("sql")
    for path in shipped().glob("*.yaml"):
        for name, view in load_profile(path).spec.views.items():
            assert f"\n### {name}\n" in text
            assert not missing("sql", list(view.columns))
    for table in metadata.tables.values():
        assert f"\n### {table.name}\n" in text
        assert not missing("sql", [column.name for column in table.columns])


def test_every_key_of_the_profile_format_is_there() -> None:
    for definition in profile_schema()["$defs"].values():
        assert not missing("profile-format", list(definition["properties"]))


def literals(*functions: str) -> dict[str, set[str]]:
    """The first text literal that each of these functions is called with anywhere in the product, and where."""
    found: dict[str, set[str]] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in functions:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                for text in [one for one in texts if re.fullmatch("[a-z0-9-]+", one)][:1]:
                    found.setdefault(text, set()).add(str(Path(path).relative_to(ROOT)))
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_every_rule_that_the_code_breaks_is_registered_and_every_registered_one_is_used() -> None:
    """A rule without a registration is a KeyError on somebody's file; one that nothing raises is an empty promise."""
    used = literals("finding", "problem")
    unknown = {rule: where for rule, where in used.items() if rule not in {**RULES, **RECEIVER}}
    assert not unknown
    texts = "".join(
        path.read_text(encoding="utf-8")
        for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "rules.py"
    )  # fmt: skip
    assert not [rule for rule in RULES if f'"{rule}"' not in texts]


def test_every_problem_that_the_code_answers_with_is_registered() -> None:
    """One that is not would be an error within an error."""
    unknown = {k: where for k, where in literals("ProblemError", "QueryError").items() if k not in PROBLEMS}
    assert not unknown
