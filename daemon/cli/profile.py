"""`forgeglass profile`: profiles shown, checked, begun and inferred."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from cache.profile.problems import ProfileProblem
    from daemon.cli.command import Context
    from daemon.setup.access import Access, Options
    from daemon.setup.sources import Source

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
_output = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.  [default: print it]"
)
_force = click.option("--force", is_flag=True, help="Overwrite the file where it is there already.")


@click.group()
def profile() -> None:
    """Check, show, begin and infer profiles: what lives in repositories."""


@profile.command("list")
@_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """Name the profiles that come with Forgeglass."""
    from cache.profile.loader import shipped

    rows = []
    for path in sorted(shipped().glob("*.yaml")):
        spec = _load(path.stem).spec
        rows.append({"name": path.stem, "title": spec.title, "description": spec.description.strip()})
    if as_json or context.as_json:
        _print({"profiles": rows})
        return
    for row in rows:
        click.echo(f"{row['name']:<12} {row['title']}")
        click.echo(click.wrap_text(row["description"], 100, " " * 13, " " * 13))


@profile.command()
@click.argument("names", nargs=-1, metavar="[FILE|NAME]...")
@_json
@click.pass_obj
def check(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Tell every mistake in profiles; without a name, in those of the configuration, with their parameters."""
    from cache.profile.loader import load_profile
    from cache.profile.problems import ProfileError

    def checked(name: str) -> tuple[ProfileProblem, ...]:
        try:
            load_profile(name)
        except ProfileError as error:
            return error.problems
        return ()

    results = [(name, checked(name)) for name in names] if names else _configured(context)
    wrong = [problem for _, problems in results for problem in problems]
    if as_json or context.as_json:
        told = [
            {
                "profile": name,
                "ok": not problems,
                "mistakes": [
                    {"file": p.file, "line": p.line or None, "rule": p.rule, "message": p.message} for p in problems
                ],
            }
            for name, problems in results
        ]
        _print({"ok": not wrong, "profiles": told})
    else:
        for name, problems in results:
            for problem in problems:
                click.echo(str(problem))
            if not problems:
                click.echo(f"{name}: well")
    sys.exit(max((2 if _absent(problem) else 1 for problem in wrong), default=0))


@profile.command()
@click.argument("name", metavar="FILE|NAME")
@_json
@click.pass_obj
def show(context: Context, name: str, as_json: bool) -> None:
    """Show a profile: its parameters, collections, fields and views."""
    from daemon.setup.profile_text import as_written, tell_profile

    loaded = _load(name)
    if as_json or context.as_json:
        _print({"file": loaded.file, **as_written(loaded.spec)})
    else:
        click.echo(tell_profile(loaded.spec, loaded.file), nl=False)


@profile.command()
@click.argument("name")
@_output
@_force
@click.pass_obj
def init(context: Context, name: str, output: Path | None, force: bool) -> None:
    """Write a copy of a shipped profile, to start from."""
    text = Path(_load(name).file).read_text(encoding="utf-8")
    _deliver(text, output, force)


@profile.command()
@click.argument("where", metavar="OWNER/REPO|FOLDER")
@click.argument("path", default="")
@click.option("--ref", help="A branch, tag or commit.  [default: the repository's default branch]")
@click.option("--url", help="The forge's address; needed where there is no configuration.")
@click.option("--token-file", help="A file that holds an access token; needed where there is no configuration.")
@click.option("--ca-file", help="Certificates to trust (PEM), for a forge with a certificate of its own.")
@_output
@_force
@_json
@click.pass_obj
def infer(
    context: Context, where: str, path: str, ref: str | None, url: str | None, token_file: str | None,
    ca_file: str | None, output: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a starter profile from the files of a repository, or of a folder here; PATH narrows it to a folder.

    It looks at Markdown; with PATH also at YAML and JSON there. At most 2,000 files are read.
    """
    from cache.profile.infer import infer as inferred_from
    from cache.profile.infer_text import write_profile
    from cache.profile.loader import read_profile
    from cache.profile.patterns import PatternError
    from cache.profile.problems import ProfileError
    from daemon.setup.access import Options
    from daemon.setup.errors import SetupError

    path = path.removeprefix("./").strip("/")
    try:
        if ".." in path.split("/"):
            raise SetupError(f"{path} leads out of {where}; name a folder below it")
        source = _source(context, where, path, ref, Options(url, token_file, ca_file))
        inferred = inferred_from(
            source.name, source.files, below=path, repository=source.repository, source=source.label,
            others=source.others,
        )  # fmt: skip
        if not inferred.collections:
            kinds = "Markdown, YAML or JSON" if path else "Markdown"
            raise SetupError(f"no {kinds} files were found in {where}{f' below {path}' if path else ''}; name a folder")
    except PatternError as error:
        _fail(f"{error}; name another folder", 2)
    except SetupError as error:
        _fail(str(error), error.code)
    text = write_profile(inferred)
    try:
        read_profile(text, "the inferred profile")
    except ProfileError as error:
        _fail(f"the profile that was made is not right, which is a fault of Forgeglass; report it: {error}", 3)
    if not source.complete:
        click.echo("forgeglass: there are more files than were read; the profile describes those that were", err=True)
    if as_json or context.as_json:
        if output is not None:
            _deliver(text, output, force, quiet=True)
        collections = [
            {
                "name": c.name, "path": c.template.source, "files": c.files, "with_front_matter": c.with_data,
                "unreadable": c.unreadable, "left_out": c.left_out,
                "fields": [{"name": f.name, "source": f.source, "type": f.type, "files": f.count} for f in c.fields],
            }
            for c in inferred.collections
        ]  # fmt: skip
        _print({
            "profile": inferred.name, "output": None if output is None else str(output), "complete": source.complete,
            "collections": collections, "elsewhere": inferred.elsewhere,
            "left_out": [
                {"reason": each.reason, "files": len(each.paths), "paths": each.paths} for each in inferred.left_out
            ],
            "text": text,
        })  # fmt: skip
        return
    _deliver(text, output, force)


def _configured(context: Context) -> list[tuple[str, tuple[ProfileProblem, ...]]]:
    """Every block of the configuration, with the mistakes in its profile and its parameters."""
    from cache.profile.block import bind, load_profile
    from cache.profile.problems import ProfileError

    results: list[tuple[str, tuple[ProfileProblem, ...]]] = []
    for block in context.config().profiles:
        name = block.name or block.use
        try:
            bind(load_profile(block.use), block.name, block.view_prefix, block.parameters)
        except ProfileError as error:
            results.append((name, error.problems))
        else:
            results.append((name, ()))
    return results


def _source(context: Context, where: str, path: str, ref: str | None, options: Options) -> Source:
    from daemon.cli.progress import ProgressLine
    from daemon.setup.errors import SetupError
    from daemon.setup.local import read_folder
    from daemon.setup.running import asked
    from daemon.setup.sources import read_repository

    folder = Path(where)
    if folder.is_dir():
        if ref is not None:
            raise SetupError("--ref is for a repository on the forge; a folder here is read as it is")
        try:
            return read_folder(folder, path)
        except OSError as error:
            raise SetupError(f"{error.filename} cannot be read ({error.strerror}); let this user read it", 3) from None
    from cache.profile.scalars import is_repository

    if not is_repository(where):
        raise SetupError(f"{where!r} is neither a folder here nor a repository; write OWNER/REPO, or ./FOLDER")
    access = _access(context, options)
    with ProgressLine(sys.stderr) as progress:
        return asked(access, lambda: read_repository(access, where, path, ref, progress.tell))


def _access(context: Context, options: Options) -> Access:
    """By the options, else by the configuration."""
    from daemon.cli.command import HERE
    from daemon.config import ConfigError
    from daemon.config.errors import BadValueError
    from daemon.setup.access import from_config, from_options
    from daemon.setup.errors import SetupError

    try:
        given = options.url is not None and options.token_file is not None
        if given or (context.path is None and not Path(HERE).is_file()):
            if options.url is None:
                raise SetupError("there is no configuration here; give --url and --token-file")
            return from_options(options, os.environ, Path.cwd())
        return from_config(context.config(), options, os.environ, Path.cwd())
    except (BadValueError, ConfigError) as error:
        raise SetupError(str(error)) from None


def _load(name: str) -> Any:
    from cache.profile.loader import load_profile
    from cache.profile.problems import ProfileError

    try:
        return load_profile(name)
    except ProfileError as error:
        return _fail(str(error), max(2 if _absent(problem) else 1 for problem in error.problems))


def _absent(problem: ProfileProblem) -> bool:
    """Whether there is nothing to check: a wrong name, and no mistake of a profile."""
    return problem.rule in ("profile-not-found", "unreadable")


def _deliver(text: str, output: Path | None, force: bool, *, quiet: bool = False) -> None:
    from daemon.setup.begin import save
    from daemon.setup.errors import SetupError

    if output is None:
        click.echo(text, nl=False)
        return
    try:
        save(output, text, force=force)
    except SetupError as error:
        _fail(str(error), error.code)
    if not quiet:
        used = output if output.is_absolute() or "/" in str(output) else f"./{output}"
        click.echo(
            f'{output} is written. Read it through, and use it in forgeglass.toml:\n\n[[profiles]]\nuse = "{used}"\n'
        )


def _fail(message: str, code: int) -> Any:
    click.echo(f"forgeglass: {message}", err=True)
    sys.exit(code)


def _print(value: object) -> None:
    click.echo(msgspec.json.encode(value).decode())
