"""What a configuration allows and a careful person would not."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from daemon.config import Config


def find_warnings(config: Config) -> tuple[str, ...]:
    """Return a sentence for each unwise setting. Looks at the modes of the files with secrets, and reads none."""
    forge = config.forge
    warnings = [
        f"{path} may be read by every user of this machine; chmod o-r it"
        for path in (forge.token_file, forge.webhook_secret_file, forge.webhook_secret_previous_file)
        if path is not None and readable_by_all(path)
    ]
    parts = urlsplit(forge.url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        warnings.append(f"{forge.url} is not encrypted, and the token travels with every request; use https")
    if "*" in config.api.cors_origins:
        warnings.append("api.cors_origins is *: any page in a reader's browser may read everything here; name origins")
    return tuple(warnings)


def readable_by_all(path: Path) -> bool:
    """Tell whether every user of the machine may read the file. False where it cannot be looked at."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
