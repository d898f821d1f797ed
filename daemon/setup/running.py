"""Running a look at a forge from a command, and saying what went wrong in words of that command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from daemon.setup.access import Access
from daemon.setup.errors import SetupError
from gitea_client.errors import ForgeError

T = TypeVar("T")


def asked(access: Access, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on an event loop of its own. Raises SetupError for whatever a forge, a name or a file can do wrong;
    ends the command when it is interrupted.
    """
    try:
        return asyncio.run(work())
    except ForgeError as error:
        raise SetupError(_told(error, access), 3) from None
    except ValueError as error:  # an address, certificates or a name that cannot stand in a request
        raise SetupError(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _told(error: ForgeError, access: Access) -> str:
    """The error and its remedy, which names keys of a configuration, with the options in their place."""
    remedy = error.remedy
    for key, option in (("forge.url", "--url"), ("forge.ca_file", "--ca-file"), ("forge.token_file", "--token-file")):
        remedy = remedy.replace(key, option)
    return f"{access.url}: {error}; {remedy}"
