"""The configuration's file is written whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from daemon.setup.errors import SetupError
from daemon.setup.saving import save


def failing(number: int) -> Any:
    """A call of the system that fails."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("force", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool) -> None:
    """Half a configuration, or an empty one, would be taken for somebody's work the next time."""
    if force:
        (tmp_path / "x.toml").write_text("mine")
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(SetupError, match=r"cannot be written \(No space left on device\)"):
        save(tmp_path / "x.toml", "new", force=force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_text_that_cannot_be_written_leaves_nothing(tmp_path: Path, force: bool) -> None:
    """Whatever the error is, no draft stays behind."""
    with pytest.raises(UnicodeEncodeError):
        save(tmp_path / "x.toml", "\ud800", force=force)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("links", [True, False])
def test_only_force_overwrites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """On a file system without hard links too; the file is as readable as any other new one."""
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", failing(errno.EPERM))
    file = tmp_path / "x.toml"
    save(file, "first", force=False)
    (tmp_path / "other").touch()
    assert file.stat().st_mode == (tmp_path / "other").stat().st_mode
    (tmp_path / "other").unlink()
    with pytest.raises(SetupError, match="--force"):
        save(file, "second", force=False)
    assert contents(tmp_path) == {"x.toml": "first"}
    save(file, "second", force=True)
    assert contents(tmp_path) == {"x.toml": "second"}
