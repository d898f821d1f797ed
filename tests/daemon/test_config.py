"""The configuration: what a minimal one means, and how mistakes are told."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import config
from daemon.config import ConfigError
from daemon.config.errors import BadValueError
from daemon.config.keys import KEYS, default
from daemon.config.lines import find_lines
from daemon.config.secret_files import read_secret, read_secrets

FULL = """\
data_dir = "data"
listen = "127.0.0.1:8088"
[forge]
url = "http://127.0.0.1:3000"
token_file = "token"
webhook_secret_file = "secret"
owners = ["acme"]
[sweep]
interval = "60s"
deep_interval = "1h"
[[profiles]]
use = "rfc"
meta = "acme/meta"
bot = "rfcbot"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name in ("token", "secret"):
        (tmp_path / name).write_text(f"the-{name}\n")
        (tmp_path / name).chmod(0o600)
    path = tmp_path / "forgeglass.toml"
    path.write_text(FULL)
    return path


def mistakes(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """Return the mistakes as a person sees them, with the directory left out."""
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ or {})
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_the_usual_configuration_is_read(file: Path) -> None:
    """Paths count from the file, durations are seconds, what a block holds besides its name are parameters."""
    read = config.load(file, {})
    assert read.data_dir == file.parent / "data"
    assert (str(read.listen), read.listen.port) == ("127.0.0.1:8088", 8088)
    assert read.forge.owners == ("acme",)
    assert read.forge.token_file == file.parent / "token"
    assert (read.sweep.interval, read.sweep.deep_interval, read.sweep.overlap) == (60, 3600, 30)
    (block,) = read.profiles
    assert (block.use, block.name, block.parameters) == ("rfc", None, {"meta": "acme/meta", "bot": "rfcbot"})
    assert read.warnings == ()


def test_all_mistakes_are_told_at_once_with_place_and_remedy(file: Path) -> None:
    """Guards against mending one mistake per start, and against a typing error that silently does nothing."""
    text = FULL.replace("url = ", "urk = ").replace('"60s"', "60").replace('["acme"]', '"acme"')
    file.write_text(text.replace("[sweep]", "[sweeep]").replace('token"', 'tokn"').replace("use =", "uze ="))
    assert mistakes(file, {"FORGEGLASS_FORGE_ULR": "x", "FORGEGLASS_LISTEN": "8088"}) == [
        "forgeglass.toml:3: forge.url: missing; add it: The forge, with its sub-path if it has one.",
        'forgeglass.toml:4: forge.urk: no such key; did you mean "url"?',
        "forgeglass.toml:5: forge.token_file: there is no such file; make it, or name another; "
        f"a relative path counts from {file.parent}",
        "forgeglass.toml:7: forge.owners: 'acme' is not a list of names; write it like [\"acme\"]",
        'forgeglass.toml:8: sweeep: no such key; did you mean "sweep"?',
        'forgeglass.toml:11: profiles.0.use: missing, or not a text; name the profile, as in use = "rfc"',
        'FORGEGLASS_FORGE_ULR: no such variable; did you mean "FORGEGLASS_FORGE_URL"?',
        "FORGEGLASS_LISTEN: listen: '8088' is not host:port; write it like \"127.0.0.1:8088\"",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"http://127.0.0.1:3000"', '"127.0.0.1:3000"', "4: forge.url: '127.0.0.1:3000' is not an address"),
        ('"http://127.0.0.1:3000"', '"http://h/?a=b"', "4: forge.url: the address has a query"),
        ('"http://127.0.0.1:3000"', '"http://h:99999"', "4: forge.url: 'http://h:99999' is not an address"),
        ('"127.0.0.1:8088"', '"::1:8088"', "2: listen: '::1:8088' is ambiguous"),
        ('"127.0.0.1:8088"', '"localhost:70000"', "2: listen: 'localhost:70000' is not host:port"),
        ('"data"', '"~/data"', "1: data_dir: ~ is not expanded"),
        ('"data"', '"token"', "1: data_dir: forgeglass/token is not a directory"),
        ('["acme"]', '["acme", "ACME"]', "7: forge.owners: 'ACME' stands there twice"),
        ('["acme"]', '["acme/meta"]', "7: forge.owners: 'acme/meta' is not the name"),
        ('["acme"]', "[]", "7: forge.owners: [] is not a list"),
        ('"1h"', '"5s"', "10: sweep.deep_interval: a deep sweep more often than a quiet one"),
        ("[sweep]", '[api]\nproxy_addresses = ["10.0.0.1"]\n[sweep]', "9: api.proxy_addresses: what people see"),
        ("[sweep]", '[api]\nproxy_token = "people"\n[sweep]', "9: api.proxy_token: no proxy is believed without"),
        ("[sweep]", '[api]\nproxy_addresses = ["0.0.0.0/0"]\n[sweep]', "9: api.proxy_addresses: '0.0.0.0/0' is every"),
        ("[sweep]", '[api]\nproxy_addresses = ["proxy"]\n[sweep]', "9: api.proxy_addresses: 'proxy' is not an address"),
        ("[sweep]", '[api]\nproxy_header = "Cookie"\n[sweep]', "9: api.proxy_header: 'Cookie' is not a header that"),
        ('"60s"', '"0s"', "9: sweep.interval: '0s' is too short; write 1s or more"),
        ("[sweep]", "sweep = 1\n[log]", "8: forge.sweep: no such key"),
        ("[[profiles]]", "[profiles]", "11: profiles: this is a list of blocks"),
        ('"rfc"', '"rfc"\nname = "A B"', "13: profiles.0.name: 'A B' cannot be a name"),
        ('"rfc"', '"rfc"\nview_prefix = "a-"', "13: profiles.0.view_prefix: 'a-' cannot be a prefix"),
        ('bot = "rfcbot"', '[[profiles]]\nuse = "rfc"', "14: profiles.1: two blocks are called 'rfc'"),
    ],
)
def test_each_mistake_is_named(file: Path, before: str, after: str, told: str) -> None:
    file.write_text(FULL.replace(before, after, 1))
    assert any(f"forgeglass.toml:{told}".replace("forgeglass/", "") in line for line in mistakes(file)), mistakes(file)


@pytest.mark.parametrize("raw", [b"a = ", b"\xff\xfe", b"a = [" * 5000, b"data_dir = 1\ndata_dir = 2"])
def test_a_file_that_is_not_toml_is_one_mistake(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    (line,) = mistakes(file)
    assert line.startswith("forgeglass.toml: not TOML")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path / "none.toml")
    assert line.startswith("none.toml: cannot be read (No such file or directory); write one with `forgeglass init`")


def test_the_environment_overrides_every_kind_of_key(file: Path) -> None:
    """Containers are configured so. What is empty is what was not set."""
    read = config.load(
        file,
        {
            "FORGEGLASS_DATA_DIR": "/elsewhere",
            "FORGEGLASS_FORGE_OWNERS": "a, b",
            "FORGEGLASS_FORGE_CONCURRENCY": "3",
            "FORGEGLASS_SWEEP_DEEP_INTERVAL": "2h",
            "FORGEGLASS_FORGE_MAX_FILE_SIZE": "2MiB",
            "FORGEGLASS_PROFILES_0_META": "b/meta",
            "FORGEGLASS_PROFILES_1_USE": "adr",
            "FORGEGLASS_LISTEN": "",
            "FORGEGLASS_CONFIG": str(file),
            "FORGEGLASS_FORGE_TOKEN": "t",
            "PATH": "/bin",
        },
    )
    assert read.data_dir == Path("/elsewhere")
    assert read.forge.owners == ("a", "b")
    assert (read.forge.concurrency, read.forge.max_file_size, read.sweep.deep_interval) == (3, 2 * 2**20, 7200)
    assert [block.use for block in read.profiles] == ["rfc", "adr"]
    assert read.profiles[0].parameters["meta"] == "b/meta"
    assert read.listen.port == 8088


def test_a_parameter_from_the_environment_takes_the_shape_of_the_file(file: Path) -> None:
    file.write_text(FULL + 'people = ["a"]\nstrict = true\nmost = 3\n')
    changed = {"PEOPLE": "b,c", "STRICT": "false", "MOST": "4"}
    read = config.load(file, {f"FORGEGLASS_PROFILES_0_{name}": value for name, value in changed.items()})
    given = read.profiles[0].parameters
    assert (given["people"], given["strict"], given["most"]) == (["b", "c"], False, 4)


def test_blocks_named_in_the_environment_leave_no_gap(file: Path) -> None:
    (line,) = mistakes(file, {"FORGEGLASS_PROFILES_5_USE": "adr"})
    assert line.startswith("FORGEGLASS_PROFILES_5_USE: there is no block 5 of profiles")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('token_file = "token"', 'token = "hunter2-secret"'),
        ('token_file = "token"', 'token_file = "hunter2-secret"'),
        ('token_file = "token"', 'token_file = "hunter2-secret/rest=="'),
        ("http://127", "http://me:hunter2-secret@127"),
        ("http://127", "http://me:hunter2-secret@127:x"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(file: Path, before: str, after: str) -> None:
    """Error messages go to logs."""
    file.write_text(FULL.replace(before, after))
    assert "hunter2" not in "\n".join(mistakes(file))


def test_what_is_unwise_is_a_warning(file: Path) -> None:
    (file.parent / "token").chmod(0o644)
    file.write_text(FULL.replace("127.0.0.1:3000", "forge.example.org"))
    open_file, plain = config.load(file, {}).warnings
    assert "token may be read by every user" in open_file
    assert "not encrypted" in plain


def test_a_secret_comes_from_its_file_else_a_credential_else_the_environment(file: Path, tmp_path: Path) -> None:
    file.write_text(FULL.replace('webhook_secret_file = "secret"\n', ""))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "token").write_text("not this one")
    (credentials / "webhook_secret").write_text("from-systemd\n")
    environ = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "FORGEGLASS_FORGE_WEBHOOK_SECRET": "not this one",
        "FORGEGLASS_FORGE_WEBHOOK_SECRET_PREVIOUS": "older",
    }
    secrets = read_secrets(config.load(file, environ), environ)
    assert [secret.reveal() for secret in secrets.given()] == ["the-token", "from-systemd", "older"]
    assert [secret.reveal() for secret in secrets.webhook_secrets()] == ["from-systemd", "older"]
    assert "the-token" not in repr(secrets)


@pytest.mark.parametrize("raw", [b"", b"\n", b"  \n", b"a\nb\n", b"\xff", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_refused_unseen(tmp_path: Path, raw: bytes) -> None:
    """An empty secret would sign anything; two lines would break a header."""
    path = tmp_path / "f"
    path.write_bytes(raw)
    with pytest.raises(BadValueError) as caught:
        read_secret(path)
    assert "xxx" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_unusable_secrets_are_told_together(file: Path) -> None:
    for name in ("token", "secret"):
        (file.parent / name).write_text("")
    with pytest.raises(ConfigError) as caught:
        read_secrets(config.load(file, {}), {})
    assert [mistake.key for mistake in caught.value.mistakes] == ["forge.token_file", "forge.webhook_secret_file"]


def test_the_table_and_the_structs_name_the_same_keys() -> None:
    """The documentation is made from the table; a key that only one of them knows would be a lie."""
    sections: dict[str, type[msgspec.Struct]] = {
        "forge": config.Forge,
        "sweep": config.Sweep,
        "webhooks": config.Webhooks,
        "api": config.Api,
        "log": config.Log,
        "limits": config.Limits,
    }
    fields = {f"{name}.{field.name}" for name, kind in sections.items() for field in msgspec.structs.fields(kind)}
    not_keys = {"path", "profiles", "warnings", *sections}
    fields |= {field.name for field in msgspec.structs.fields(config.Config)} - not_keys
    assert fields == {key.name for key in KEYS}


def test_every_key_has_help_and_a_default_that_it_would_accept() -> None:
    for key in KEYS:
        assert re.fullmatch(r"[A-Z].*\.", key.help), key.name
        assert key.required <= (key.default is None)
        default(key.name)


def test_lines_are_found_in_an_ordinary_file() -> None:
    found = find_lines(FULL + 'text = """\nuse = 1\n"""\n[[ profiles ]] # more\n"use" = "adr"\n')
    assert (found["data_dir"], found["forge"], found["forge.url"]) == (1, 3, 4)
    assert (found["profiles.0.use"], found["profiles.0.text"], found["profiles.1.use"]) == (12, 15, 19)


@given(st.text(alphabet='[]"=.#\n\'ab \t', max_size=200))
def test_finding_lines_survives_any_text(text: str) -> None:
    assert all(1 <= line <= len(text.splitlines()) for line in find_lines(text).values())


TOML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(key=st.sampled_from(KEYS), value=TOML_VALUES)
def test_any_value_of_any_key_is_taken_or_refused(key: Any, value: object) -> None:
    """A value of the wrong type must be a mistake with a remedy and never a traceback."""
    with suppress(BadValueError):
        key.kind.parse(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(key=st.sampled_from(KEYS), text=st.text(min_size=1, max_size=40).filter(lambda text: "\x00" not in text))
def test_any_text_in_the_environment_is_taken_or_refused(file: Path, key: Any, text: str) -> None:
    """And what is wrong with it is told of the variable, not of the file."""
    told: tuple[config.Mistake, ...] = ()
    try:
        config.load(file, {key.variable: text})
    except ConfigError as error:
        told = error.mistakes
    assert {mistake.source for mistake in told} <= {key.variable}
