"""The text of a configuration: what was answered, and every other key as a comment."""

from __future__ import annotations

import re
import shlex
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cache.profile.infer import read_seen
from daemon.blocks import load_blocks
from daemon.config import load
from daemon.config.keys import KEYS
from daemon.setup.begin import choose
from daemon.setup.propose import Proposal, Sight, propose
from daemon.setup.write import Answers, toml, write_config

BLOCK = Proposal("markdown", None, "", {"owner": "acme", "path": "docs"}, ("acme/a", "acme/b"), 7)
ANSWERS = Answers("https://git.example.org", ("acme",), (BLOCK,), token_file="token")


def written(folder: Path, text: str) -> Path:
    (folder / "token").write_text("a token of the test\n")
    (folder / "token").chmod(0o600)
    (folder / "ca.pem").write_text("certificates\n")
    (folder / "forgeglass.toml").write_text(text)
    return folder / "forgeglass.toml"


def test_what_is_written_loads_and_says_what_was_answered(tmp_path: Path) -> None:
    config = load(written(tmp_path, write_config(ANSWERS)), {})
    assert (config.forge.url, config.forge.owners) == ("https://git.example.org", ("acme",))
    assert config.forge.token_file == tmp_path / "token"
    assert config.data_dir == tmp_path / "data"
    assert config.warnings == ()
    (block,) = load_blocks(config)
    assert block.parameters["path"] == "docs"


def test_every_key_is_there_with_its_help_and_default() -> None:
    """A stranger finds what can be set without looking elsewhere; a key added later is there by itself."""
    text = write_config(ANSWERS)
    for key in KEYS:
        assert key.help in text, key.name
        assert re.search(rf"^(# )?{key.name.rpartition('.')[2]} = ", text, re.MULTILINE), key.name


def test_the_commented_defaults_are_right_when_they_are_taken(tmp_path: Path) -> None:
    """Taking the # away from a default must change nothing."""
    plain = load(written(tmp_path, write_config(ANSWERS)), {})
    defaults = {key.name.rpartition(".")[2] for key in KEYS if key.default is not None}
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and line[2:].partition(" = ")[0] in defaults else line
        for line in write_config(ANSWERS).splitlines()
    ]
    assert load(written(tmp_path, "\n".join(lines)), {}) == plain


def test_several_blocks_and_other_parameters_are_told(tmp_path: Path) -> None:
    rfc = Proposal("rfc", None, "", {"meta": "acme/meta"}, ("acme/meta",), 3)
    own = Proposal("markdown", "handbook", "handbook_", {"repository": "acme/x"}, ("acme/x",), 1, ("tags",), "acme/x")
    answers = Answers(
        "https://git.example.org", ("acme",), (BLOCK, rfc, own), "token", "ca.pem",
        optional={"rfc": {"meta": "", "bot": "The login of a bot"}},
    )  # fmt: skip
    text = write_config(answers)
    assert '# bot = "…"' in text
    assert "forgeglass profile infer acme/x" in text
    assert "7 files seen in 2 repositories (acme/a, acme/b)" in text
    config = load(written(tmp_path, text), {})
    assert [block.name for block in load_blocks(config)] == ["markdown", "rfc", "handbook"]


def test_foreign_text_cannot_end_its_line(tmp_path: Path) -> None:
    """A forge's version is anybody's text, and ends up in a comment."""
    answers = Answers("https://x.example", ("a",), (BLOCK,), seen='Gitea 1"\n[forge]\nurl = "https://evil.example"')
    assert tomllib.loads(write_config(answers))["forge"]["url"] == "https://x.example"


def commands(text: str) -> list[str]:
    """The commands in comments, as one would take them from there."""
    return [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# forgeglass profile infer")]


def of_folder(path: str) -> str:
    block = Proposal("markdown", None, "", {"owner": "acme", "path": path}, ("a/b",), 2, ("tags",), "a/b")
    return write_config(replace(ANSWERS, blocks=(block,)))


@pytest.mark.parametrize("path", ["docs", "wiki $(touch pwned)", "it's; rm -r `x`", "--output=x", "-", "~root", "#a &"])
def test_a_command_in_a_comment_is_safe_to_paste(path: str) -> None:
    """A folder is called by whoever may push: a shell must take it for one word, and the command for no option."""
    (line,) = commands(of_folder(path))
    _, _, infer, *words = shlex.split(line)
    assert (infer, [word for word in words if word != "--"]) == ("infer", ["a/b", path])
    assert not path.startswith("-") or words[0] == "--"


@pytest.mark.parametrize("path", ["Team\u00a0Docs", "a\u200db", "a\u202eb"])
def test_a_command_that_cannot_be_typed_is_left_out(path: str, tmp_path: Path) -> None:
    """Quoting it once put the # of the comment within the quotes, and the file could not be loaded."""
    text = of_folder(path)
    assert commands(text) == []
    (block,) = load(written(tmp_path, text), {}).profiles
    assert block.parameters["path"] == path


_letters = st.characters(exclude_characters="/\x00", exclude_categories=["Cs"])
_odd = st.sampled_from(["Team\u00a0Docs", "a\u200db", "\u202edocs", "$(x)", "'", "--x", "\x85", "docs", "adr", "rfcs"])
_trees = st.dictionaries(
    st.builds("{}/{}.md".format, _odd | st.text(_letters, min_size=1, max_size=6), st.sampled_from(["0001-a", "b"])),
    st.builds("---\n{}: x\ntitle: T\nstate: idea\n---\n".format, st.sampled_from(["tags", "o\u202ewner", '"q"'])),
    max_size=8,
)


@given(st.lists(_trees, min_size=1, max_size=3), st.text(max_size=5))
def test_whatever_lies_in_a_repository_its_configuration_loads(trees: list[dict[str, str]], version: str) -> None:
    """What is proposed is written, and what is written loads; no comment holds what an editor or terminal acts on."""
    sights = [
        Sight("acme", f"r{number}", (), tuple(tree), tuple(read_seen(p, text.encode()) for p, text in tree.items()))
        for number, tree in enumerate(trees)
    ]
    blocks = choose(propose(sights), [], ["acme"], Path())
    text = write_config(replace(ANSWERS, blocks=blocks, seen=version))
    with tempfile.TemporaryDirectory() as folder:
        assert len(load_blocks(load(written(Path(folder), text), {}))) == len(blocks)
    for line in text.split("\n"):
        assert line.isprintable(), line


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_come_back_from_toml_as_they_were(text: str) -> None:
    assert tomllib.loads(f"a = {toml(text)}")["a"] == text


def test_numbers_truth_and_lists_are_written_as_such() -> None:
    assert tomllib.loads(f"a = {toml([1, True, 'x'])}")["a"] == [1, True, "x"]
