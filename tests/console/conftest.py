"""What every test of the console is given. The sample cache of tests/api and the daemon of tests/serving serve here."""

from __future__ import annotations

import sys
from pathlib import Path

for _name in ("api", "serving"):
    sys.path.append(str(Path(__file__).parents[1] / _name))

from browser_fixtures import chromium, own_visit, plain_visit, visit, whole_module  # noqa: E402, F401 - by the path
from console_fixtures import cache, empty_cache, same_empty_site, same_site, site  # noqa: E402, F401 - by the path
from console_loops import nothing_left  # noqa: E402, F401 - by the path
