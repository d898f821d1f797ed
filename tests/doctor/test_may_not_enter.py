"""Folders and files that this user may not enter, read or write: every command ends in a clear line, no traceback.

Root may do all of it, so that runs without root's privileges (`bound`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_place import Found, Place

QUICK = (
    ("query", "SELECT 1"), ("token", "list"), ("changes",), ("digest",), ("hooks", "list"), ("new-state",),
    ("status",), ("sweep",), ("backup", "copy.db"),
)  # fmt: skip


def without_secret(place: Place) -> None:
    """A configuration without a webhook secret: it is looked for in `data_dir`."""
    text = place.config_file.read_text()
    place.config_file.write_text(text.replace('webhook_secret_file = "secret"\n', ""))


@pytest.mark.parametrize("mode", [0, 0o400, 0o600])
async def test_doctor_says_that_data_dir_may_not_be_entered(mode: int) -> None:
    """Guards O6: it ended in a traceback, where the webhook secret of its own was looked for."""
    async with Place() as place:
        without_secret(place)
        place.data_dir.mkdir()
        (place.data_dir / "state.db").write_bytes(b"")
        place.data_dir.chmod(mode)
        ran = await place.spawn("doctor", "--json", "--no-delivery", bound=True)
        found = Found(ran, place.secrets)
        assert (found.code, found.well) == (1, False)
        (result,) = [each for each in found.bad() if each.check == "data_dir"]
        assert "may not be entered" in result.what
        assert str(place.data_dir) in result.remedy
        place.data_dir.chmod(0o700)


@pytest.mark.parametrize("what", ["data", "above", "configuration", "profile"])
async def test_every_command_says_what_may_not_be_entered_or_read(what: str) -> None:
    """Guards O6: one line, of every command alike, that names the place; never a traceback."""
    async with Place() as place:
        without_secret(place)
        above = place.root / "above"
        above.mkdir()
        barred: Path = above
        if what == "data":
            barred = place.data_dir
            barred.mkdir()
        elif what == "above":
            text = place.config_file.read_text()
            place.config_file.write_text(text.replace('data_dir = "data"', 'data_dir = "above/data"'))
        elif what == "configuration":
            barred = place.config_file
        else:
            place.configure(profile="above/mine.yaml")
            without_secret(place)
        barred.chmod(0)
        try:
            for command in QUICK if what == "data" else QUICK[:2]:
                ran = await place.spawn(*command, bound=True)
                assert "Traceback" not in ran.err + ran.out, (command, ran.err)
                assert ran.code in (2, 3), (command, ran)
                assert barred.name in ran.err + ran.out or "mine.yaml" in ran.err, (command, ran)
            ran = await place.spawn("doctor", "--json", "--no-delivery", bound=True)
            assert "Traceback" not in ran.err
            assert ran.code in (1, 2), ran
            assert what == "configuration" or not Found(ran, place.secrets).well
        finally:
            barred.chmod(0o700)
