"""The `forgeglass` command."""

from daemon.cli.command import main

__all__ = ["main"]
