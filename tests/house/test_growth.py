"""No regular expression of ours, or of a shipped profile, goes back over a text again and again (S6)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from growing import LONG, SLOW, seconds

GROWING = Path(__file__).parent / "growing.py"


def test_every_expression_takes_time_with_the_length_of_the_text_and_no_more() -> None:
    """Blanks after a `#` took 19 s, and a line of thirty `#` in front matter more than anybody would wait."""
    words = [sys.executable, str(GROWING)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, cwd=GROWING.parents[2])
    done = ran.stdout.split("\n")[:-1]
    assert [line for line in done if " is slow over " in line] == []
    assert done[-1:] == ["all of them"], f"the one after {done[-1:]} is slow: {ran.stderr[-500:]}"
    assert len(done) > 100


@pytest.mark.parametrize(("pattern", "start", "piece"), [(r"[0-9]+\.?[0-9]*x", "", "0"), (r"#\s*\w*\s*x", "#", " ")])
def test_one_that_does_would_be_seen(pattern: str, start: str, piece: str) -> None:
    assert seconds(re.compile(pattern), start, piece, LONG, searches=False) > SLOW
