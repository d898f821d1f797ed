"""The place of the daemon's tests (tests/serving) serves here too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "serving"))
