"""Running the git program: a closed environment, bounded output and time, nothing left behind when cancelled."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from gitea_client.errors import GitFailed
from gitea_client.limits import ORDINARY, ProgramLimits

MiB = 1 << 20
MOST_OUTPUT = 64 * MiB
"""What is read whole are lists of ids, 41 bytes each; trees, differences and contents come in pieces."""

MOST_COMPLAINT = MiB
"""Bytes of standard error. What the forge has to say comes this way too."""

# What git may take over from our own environment: how to find programs, proxies and certificates, nothing else. No
# variable of Git's own is passed on: an operator's GIT_SSH_COMMAND or GIT_CONFIG_PARAMETERS is not meant for us.
_PASSED_ON = (
    "PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
)  # fmt: skip

_CLOSED = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "HOME": "/nonexistent",  # no ~/.netrc, no ~/.gitconfig
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "http:https",  # outranks whatever a configuration says: no ext::, file://, ssh://
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_DEFAULT_REF_FORMAT": "files",  # our own refs are counted by their files
}

# Configuration of ours that outranks a store's (git-config(1), "Environment"). Each of these can name a program, an
# address or a file; what lists of several values could still bring is kept away by `storing.is_ours`.
_SETTINGS = {
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "protocol.file.allow": "never",
    "protocol.git.allow": "never",
    "protocol.ssh.allow": "never",
    "transfer.bundleURI": "false",
    "credential.helper": "",
    "core.askPass": "",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.sshCommand": "false",
    "core.alternateRefsCommand": "true",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.pager": "cat",
    "core.editor": "false",
    "gpg.program": "false",
    "log.showSignature": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # Memory: what git would hold or map at once is kept far below its limit, however large the repository is.
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "256m",
    "core.deltaBaseCacheLimit": "32m",
    "core.bigFileThreshold": "16m",
    "pack.windowMemory": "64m",
    "pack.threads": "1",
}

_LESS_URGENT = 5
"""Steps of nice(2): with a third of our weight it still gets on where every processor is busy."""
_OWNER_ONLY = 0o077
"""The umask: packs and configuration hold what may be private, so no other user of the machine may read them."""


class Ran(Struct, frozen=True):
    """How a program ended and what it said."""

    code: int
    stdout: bytes
    stderr: bytes


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for git: a few variables of ours, what closes it, our configuration, and `extra`.

    `extra` may hold a configuration of its own, made by `configuration`.
    """
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, **_CLOSED, **configuration({}), **extra}


def configuration(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that give git our configuration and `settings`, which outrank it."""
    whole = {**_SETTINGS, **settings}
    keys = {f"GIT_CONFIG_KEY_{i}": key for i, key in enumerate(whole)}
    values = {f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(whole.values())}
    return {"GIT_CONFIG_COUNT": str(len(whole)), **keys, **values}


async def run(
    arguments: Sequence[str | bytes],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float,  # noqa: ASYNC109  # it also ends the process, which the caller's own timeout could not
    most_output: int = MOST_OUTPUT,
    limits: ProgramLimits = ORDINARY,
    watch: Callable[[], object] | None = None,
    starts_others: bool = False,
) -> Ran:
    """Run a program to its end and give back what it said, whatever its exit code.

    It leads a process group of its own, which is killed as a whole when the time is up, the output too long or the
    caller cancelled. Raises GitFailed where it could not be started, for `timeout` (seconds) and for `most_output`
    (bytes), and whatever `watch` raises, which is called every second while the program runs. `starts_others` is for
    one that starts programs itself: those then have the limits as well, at the price of a shell's start (1 ms).
    """
    name = named(arguments)
    limited = [*launcher(limits), *arguments] if starts_others else arguments
    process = await start(limited, cwd=cwd, env=env, limits=limits)
    assert process.stdin is not None  # noqa: S101  # all three are pipes; for the type checker
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    try:
        async with asyncio.timeout(timeout), asyncio.TaskGroup() as group:
            group.create_task(feed(process.stdin, stdin))
            stdout = group.create_task(_read(process.stdout, most_output, name))
            stderr = group.create_task(_read(process.stderr, min(most_output, MOST_COMPLAINT), name))
            watching = group.create_task(_watch(watch)) if watch is not None else None
            await process.wait()
            if watching is not None:
                watching.cancel()
    except TimeoutError:
        raise GitFailed(f"{name} did not end within {timeout:g} seconds") from None
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        await end(process)
    return Ran(process.returncode or 0, stdout.result(), stderr.result())


def named(arguments: Sequence[str | bytes]) -> str:
    """A command as errors name it: the program and what it was to do."""
    return " ".join(str(part) for part in arguments[:2])


async def start(
    arguments: Sequence[str | bytes], *, cwd: Path, env: Mapping[str, str], limits: ProgramLimits = ORDINARY
) -> asyncio.subprocess.Process:
    """Start a program as the leader of a process group of its own, with pipes and limits.

    Raises GitFailed where it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            umask=_OWNER_ONLY,
        )
    except OSError as error:
        raise GitFailed(f"{named(arguments)} could not be started: {error.strerror}") from error
    _limit(process.pid, limits)
    give_way(process.pid)
    return process


def give_way(pid: int) -> None:
    """Make a program of ours that was just started less urgent than we are: where processors are short, whoever asks us
    something is not kept waiting by what works for us.
    """
    with suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _LESS_URGENT)


def launcher(limits: ProgramLimits) -> list[str]:
    """A command that sets limits and becomes the program that follows it. What cannot be set is left as it is.

    The text is ours, the numbers too; the program comes as arguments, which the shell does not read.
    """
    wanted = {"v": limits.memory // 1024, "t": limits.processor, "f": limits.file // 512, "c": 0}  # units of POSIX sh
    text = "".join(f"ulimit -{kind} {number} 2>/dev/null; " for kind, number in wanted.items())
    return ["/bin/sh", "-c", f'{text}exec "$@"', "sh"]


def _limit(pid: int, limits: ProgramLimits) -> None:
    """Set the limits of a program that was just started: with threads, nothing of ours may run between fork and exec.

    What it started already keeps none, see `launcher`. Only Linux can do this (prlimit(2)); elsewhere time and output
    are what limits a program.
    """
    if not hasattr(resource, "prlimit"):
        return
    wanted = {
        resource.RLIMIT_AS: (limits.memory, limits.memory),
        resource.RLIMIT_CPU: (limits.processor, limits.processor + 5),  # SIGXCPU, and SIGKILL where that does nothing
        resource.RLIMIT_FSIZE: (limits.file, limits.file),
        resource.RLIMIT_CORE: (0, 0),
    }
    with suppress(OSError, ValueError):  # it has ended already, or the machine forbids it; it must not be left running
        for kind, (soft, hard) in wanted.items():
            _, ceiling = resource.prlimit(pid, kind)
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.prlimit(pid, kind, (soft, hard))


async def _watch(look: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(1)
        look()


async def feed(pipe: asyncio.StreamWriter, data: bytes) -> None:
    """Write all of `data` and close the pipe. A program that ended early is no error here: its exit code says why."""
    try:
        pipe.write(data)
        await pipe.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the program ended early; its exit code says why
    finally:
        pipe.close()


async def _read(pipe: asyncio.StreamReader, most: int, name: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await pipe.read(MiB):
        size += len(part)
        if size > most:
            raise GitFailed(f"{name} said more than {most} bytes; the repository is no ordinary one")
        parts.append(part)
    return b"".join(parts)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a program with all that it started, where it still runs or anything holds its pipes; wait for its end.

    Nobody else may be reading what it says: that is read away here. asyncio stops listening to a pipe of which much
    is unread and so never sees its end, without which `Process.wait` does not return, whoever was killed.
    """
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None and not pipe.at_eof()]
    if process.returncode is None or pipes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in pipes:
        while await pipe.read(MiB):
            pass
    await process.wait()
