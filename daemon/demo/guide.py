"""What the demo says at its start: where things are, and what to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from daemon.demo.entries import META, ORGANIZATION
from daemon.demo.place import Place


def guide(place: Place, *, url: str, forge_url: str) -> str:
    """The text. Each command in it can be pasted as it stands into a shell in the current directory."""
    command = f"{_program()} --config {_shown(place.config)}"
    cache = _shown(place.data / "cache.db")
    return f"""
Forgeglass   {url}  (the console, for a browser)
the forge    {forge_url}  (a stand-in; organisation {ORGANIZATION}; it forgets everything when it stops)
files        {_shown(place.root)}  (configuration, secrets, data, log)

Try, in another terminal:

  curl -s '{url}/api/v1/rfcs?state=active'
  curl -s '{url}/api/v1/rfcs/open-hub'
  curl -s '{url}/api/v1/findings'
  curl -s '{url}/api/v1/pulls?state=open&limit=5'
  curl -sN '{url}/api/v1/events'
  sqlite3 -readonly {cache} 'SELECT slug, state, title FROM cached_rfcs'
  {command} sweep
  {command} verify
  {command} query 'SELECT repo, pr_number, pr_kind, state, opened_by FROM cached_prs'

Change something yourself (user root1, password in {_shown(place.password)}):

  git clone {forge_url}/{META}.git
"""  # noqa: S608 # commands for a person; nothing here runs them


def _program() -> str:
    """How the person at the terminal can call this command again."""
    found, program = shutil.which("forgeglass"), Path(sys.argv[0]).absolute()
    if program.name != "forgeglass" or (found and program.samefile(found)):
        return "forgeglass"
    return _shown(program)


def _shown(path: Path) -> str:
    """The path as one types it here: relative where it lies below the current directory."""
    here = Path.cwd()
    return shlex.quote(os.path.relpath(path, here) if path.is_relative_to(here) else str(path))
