"""What the README says, held against what there is. (Its commands are run in tests/demo.)"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
from house_files import ROOT

from daemon.blocks import load_blocks
from daemon.cli import main
from daemon.config import load

README = (ROOT / "README.md").read_text()


def test_the_table_lists_every_command_and_no_other() -> None:
    """A command that nobody is told of is not there; one that is told of must be."""
    told = set(re.findall(r"^\| `forgeglass ([a-z-]+)", README, re.MULTILINE))
    assert told == set(main.commands)


def test_the_options_that_the_table_names_exist() -> None:
    """An option that was renamed fails for whoever follows the page."""
    for name, rest in re.findall(r"^\| `forgeglass ([a-z-]+)([^`]*)`", README, re.MULTILINE):
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_every_command_says_what_it_does() -> None:
    for name, command in main.commands.items():
        assert command.get_short_help_str(200).endswith("."), name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("source", ["README", "example"])
def test_the_configurations_shown_are_right(source: str, tmp_path: Path) -> None:
    """A stranger copies it, changes the names, and must not meet a mistake of ours."""
    if source == "README":
        block = re.search(r"   ```toml\n(.*?)   ```", README, re.DOTALL)
        assert block is not None
        text = re.sub(r"^   ", "", block[1], flags=re.MULTILINE)
    else:
        text = (ROOT / "deploy" / "example" / "forgeglass.toml").read_text()
    document = tomllib.loads(text)
    (tmp_path / "forgeglass.toml").write_text(text)
    for key in {"token_file", "webhook_secret_file"} & document["forge"].keys():
        (tmp_path / document["forge"][key]).write_text("a secret of the test\n")
        (tmp_path / document["forge"][key]).chmod(0o600)
    config = load(tmp_path / "forgeglass.toml", {})
    assert config.warnings == ()
    assert [block.name for block in load_blocks(config)] == ["markdown"]
