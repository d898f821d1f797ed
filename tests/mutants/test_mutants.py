"""The faults of `mutants_table` are noticed by the tests named there: a guard that survives being taken out is none."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from mutants_table import GROUPS

RUN = Path(__file__).with_name("run.py")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
async def test_every_mutant_is_killed(group: str) -> None:
    """Guards the tests themselves: nine of sixteen faults once passed all of them."""
    command = [sys.executable, str(RUN), group]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={**os.environ})
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
