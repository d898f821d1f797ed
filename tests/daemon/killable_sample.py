"""What the process of `test_killable` runs: it does as it is told."""

from __future__ import annotations

import os

from daemon.work.killable_child import answer


def main() -> None:
    answer(_made, 600)


def _made(question: bytes) -> bytes:
    match question:
        case b"end":
            os._exit(3)
        case b"for ever":
            while True:
                pass
        case b"fail":
            raise ValueError
        case b"memory":
            return bytes(1 << 30)
        case b"long":
            return bytes(100 << 20)
        case b"process":
            return str(os.getpid()).encode()
        case b"environment":
            return repr(sorted(os.environ)).encode()
        case _:
            return question[::-1]
