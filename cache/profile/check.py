"""What the JSON Schema of a profile cannot say: names that clash, references that lead nowhere, rules without sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cache.profile import build
from cache.profile.check_fields import check_fields
from cache.profile.check_views import check_views
from cache.profile.collection import Collection
from cache.profile.fields import coerce
from cache.profile.format import ActorSpec, CollectionSpec, ProfileSpec, RevisionsSpec
from cache.profile.nodes import Table
from cache.profile.overlap import overlaps
from cache.profile.patterns import HeadPattern, PathPattern, PatternError
from cache.profile.scalars import is_repository
from cache.profile.shape import Found, line_of
from cache.profile.words import COLLECTION_NAME, CONFIGURATION_KEYS, PARAMETER, PROFILE_NAME, ROUTES, SQL_NAME, near

Path = Sequence[str | int]
Told = tuple[Path, str, str]
"""Where in the profile, rule, message."""

RULES_OF_REVISIONS = ("pull_request", "field")
AUDIT_FIELDS = {"repo": ("repository",), "pr_number": ("integer",), "on_behalf_of": ("string", "user")}


def check(spec: ProfileSpec, node: Table) -> list[Found]:
    """Every mistake in a profile whose form is right, as (line, rule, message)."""
    told = [*_profile(spec), *check_views(spec)]
    for name, of in spec.collections.items():
        at = ("collections", name)
        told += [*_names(name, at), *check_fields(name, of, spec), *_collection(name, of, spec)]
    if not told:
        told += _clashes(spec)
    return [(line_of(node, path), rule, message) for path, rule, message in told]


def _profile(spec: ProfileSpec) -> Iterator[Told]:
    if not PROFILE_NAME.fullmatch(spec.profile):
        yield ("profile",), "bad-name", f"{spec.profile!r} cannot name a profile; use a-z, 0-9, '-' and '_'."
    elif spec.profile in ROUTES:
        yield ("profile",), "reserved-name", f"{spec.profile!r} is an address of Forgeglass; rename it."
    for name, of in spec.parameters.items():
        at = ("parameters", name)
        if name in CONFIGURATION_KEYS:
            yield at, "reserved-name", f"{name!r} is a key of the configuration; name the parameter otherwise."
        elif not SQL_NAME.fullmatch(name):
            yield at, "bad-name", f"{name!r} cannot name a parameter; use letters, digits and '_'."
        if of.required and of.default is not None:
            yield (*at, "default"), "bad-default", f"The parameter {name!r} is required and has a default; keep one."


def _names(name: str, at: Path) -> Iterator[Told]:
    if not COLLECTION_NAME.fullmatch(name):
        yield at, "bad-name", f"{name!r} cannot name a collection; use small letters, digits and '_'."


def _collection(name: str, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    at = ("collections", name)
    yield from _selection(spec, (*at, "files", "repository"), profile)
    yield from _path_and_key(name, spec, profile)
    if spec.document is not None:
        yield from _own(spec.document.repository, (*at, "document", "repository"), spec, profile)
        yield from _when(name, spec, spec.document.when)
        try:
            if PathPattern.parse(spec.document.path).names or "*" in spec.document.path:
                yield (*at, "document", "path"), "bad-path", "A document has one path, without captures and '*'."
        except PatternError as error:
            yield (*at, "document", "path"), "bad-path", f"{error}."
    if spec.branches is not None:
        yield from _own(spec.branches.repository, (*at, "branches", "repository"), spec, profile)
    yield from _pulls(name, spec, profile)
    yield from _actor(name, spec, profile)
    if spec.revisions is not None:
        yield from _revisions(name, spec, spec.revisions, profile)


def _revisions(name: str, spec: CollectionSpec, rule: RevisionsSpec, profile: ProfileSpec) -> Iterator[Told]:
    at = ("collections", name, "revisions")
    chosen = PARAMETER.fullmatch(rule.rule)
    if chosen is not None:
        parameter = profile.parameters.get(chosen[1])
        yield from _parameters(rule.rule, (*at, "rule"), profile)
        if parameter is not None and parameter.default not in RULES_OF_REVISIONS:
            yield (*at, "rule"), "wrong-value", f"The parameter {chosen[1]!r} needs a default: pull_request or field."
    if rule.rule != "pull_request" and rule.field not in spec.fields:
        yield at, "unknown-field", _no_field(rule.field or "", name, spec)
    if rule.rule == "pull_request" and rule.field is not None:
        yield (*at, "field"), "wrong-value", "'field' belongs to the rule 'field'; remove it."
    if build.file_format(spec) == "jsonl":
        yield at, "wrong-value", "Lines of a file have no revisions of their own: a pull request touches the file."


def _selection(spec: CollectionSpec, at: Path, profile: ProfileSpec) -> Iterator[Told]:
    chosen = spec.files.repository
    if isinstance(chosen, str):
        yield from _repository(chosen, at, spec, profile, fields=False)
        return
    if chosen.repository is not None:
        yield from _repository(chosen.repository, (*at, "repository"), spec, profile, fields=False)
    for text in (chosen.owner, chosen.name, chosen.topic):
        yield from _parameters(text or "", at, profile)
    ways = [text for text in (chosen.repository, chosen.owner) if text is not None]
    if not ways:
        yield at, "missing-key", f"'{'.'.join(map(str, at))}' needs 'owner', or 'repository'; add it."
    if len(ways) > 1 and not all(_optional(text, profile) for text in ways):
        yield at, "wrong-value", "'repository' and 'owner' exclude each other, unless each is an optional parameter."


def _optional(text: str, profile: ProfileSpec) -> bool:
    """Whether a block may leave out a parameter that a text names."""
    named = (profile.parameters.get(found[1]) for found in PARAMETER.finditer(text))
    return any(of is not None and not of.required and of.default is None for of in named)


def _when(name: str, spec: CollectionSpec, when: Mapping[str, object]) -> Iterator[Told]:
    for field, value in when.items():
        place = ("collections", name, "document", "when", field)
        if field not in spec.fields:
            yield place, "unknown-field", _no_field(field, name, spec)
            continue
        read, problems = coerce(build.field(field, spec.fields[field]), build.node_of(value))
        for found in problems:
            yield place, "wrong-value", found.message
        if not problems and read != value:
            yield place, "wrong-value", f"'{field}' is never {value!r}; entries say {read!r}, write that."


def _path_and_key(name: str, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    at = ("collections", name)
    yield from _parameters(spec.files.path, (*at, "files", "path"), profile)
    stand_in = {key: of.default if of.default is not None else "x" for key, of in profile.parameters.items()}
    if any(found[1] not in stand_in for found in PARAMETER.finditer(spec.files.path)):
        return
    try:
        captures = PathPattern.parse(build.fill_path(spec.files.path, stand_in)).names
    except PatternError as error:
        yield (*at, "files", "path"), "bad-path", f"{error}."
        return
    for capture in captures:
        if capture == "path" or (capture not in spec.key and capture in ("repository", "key")):
            yield (*at, "files", "path"), "reserved-name", f"A capture cannot be called {capture!r}; name it otherwise."
    lines = build.file_format(spec) == "jsonl"
    yield from _captured(name, spec, captures)
    known = {*captures, *spec.fields, "path"} | ({"id"} if lines else set())
    for position, part in enumerate(spec.key):
        place = (*at, "key", position)
        if part == "repository":
            if position or len(spec.key) == 1:
                yield place, "bad-key", "'repository' stands first in a key, with a capture or a field behind it."
        elif part == "path" and position < len(spec.key) - 1:
            yield place, "bad-key", "'path' stands last in a key: it holds slashes."
        elif part not in known:
            message = f"'{part}' is neither a capture of {spec.files.path!r} nor a field{near(part, known)}"
            yield place, "bad-key", message
        elif part in spec.key[:position]:
            yield place, "bad-key", f"'{part}' stands twice in the key; remove one."
    if lines and all(part in (*captures, "path") for part in spec.key):
        yield (*at, "key"), "bad-key", "Every line needs its own key: add a field of the line, as 'id'."
    if spec.body is not None and build.file_format(spec) != "md":
        yield (*at, "body"), "wrong-value", "Only 'md' files have a body; remove it."


def _captured(name: str, spec: CollectionSpec, captures: Sequence[str]) -> Iterator[Told]:
    for field, of in spec.fields.items():
        for source in build.sources(field, of):
            if source.kind == "capture" and source.name not in captures:
                at = ("collections", name, "fields", field, "from")
                hint = near(source.name, {*captures})
                yield at, "unknown-capture", f"{spec.files.path!r} captures no {source.name!r}{hint}"


def _pulls(name: str, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    for position, rule in enumerate(spec.pulls):
        at = ("collections", name, "pulls", position)
        yield from _repository(rule.repository, (*at, "repository"), spec, profile, fields=True)
        own = build.named_field(rule.repository) is not None
        captures: tuple[str, ...] = ()
        if rule.head is not None:
            yield from _parameters(rule.head, (*at, "head"), profile)
            try:
                captures = HeadPattern.parse(PARAMETER.sub("x", rule.head)).names
            except PatternError as error:
                yield (*at, "head"), "bad-head", f"{error}."
                continue
        missing = [part for part in spec.key if part not in captures and part != "repository"]
        if not own and missing:
            where = at if rule.head is None else (*at, "head")
            names = ", ".join(f"{{{part}}}" for part in missing)
            yield where, "bad-head", f"The branch name must give the key; add {names} to 'head'."
        if spec.key[0] == "repository" and not own:
            yield at, "bad-head", "A key with 'repository' cannot be read from a branch name; use {field.NAME}."


def _actor(name: str, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    for position, step in enumerate(spec.actor):
        at = ("collections", name, "actor", position)
        if isinstance(step, ActorSpec) and [step.audit, step.trailer, step.bot].count(None) != 2:
            yield at, "wrong-value", "A step has exactly one of 'audit', 'trailer' and 'bot'."
            continue
        built = build.actor_step(step)
        if built.kind == "audit":
            yield from _audit(built.collection or "", at, profile)
        elif built.kind == "bot":
            parameter = profile.parameters.get(built.name or "")
            if parameter is None or parameter.type != "user":
                yield at, "unknown-parameter", f"'bot' needs a parameter {built.name!r} of type user; add it."


def _audit(name: str, at: Path, profile: ProfileSpec) -> Iterator[Told]:
    audit = profile.collections.get(name)
    if audit is None:
        yield at, "unknown-collection", f"There is no collection {name!r}{near(name, set(profile.collections))}"
        return
    for field, kinds in AUDIT_FIELDS.items():
        if field not in audit.fields or audit.fields[field].type not in kinds:
            message = f"The collection {name!r} needs a field {field!r} of type {' or '.join(kinds)} to serve as audit."
            yield at, "unknown-field", message


def _own(text: str, at: Path, spec: CollectionSpec, profile: ProfileSpec) -> Iterator[Told]:
    if build.named_field(text) is None:
        yield at, "wrong-value", f"{text!r} must name a field of the entry, as '{{field.repo}}'."
    else:
        yield from _repository(text, at, spec, profile, fields=True)


def _repository(text: str, at: Path, spec: CollectionSpec, profile: ProfileSpec, *, fields: bool) -> Iterator[Told]:
    name = build.named_field(text)
    if name is not None:
        if not fields:
            yield at, "wrong-value", "Files lie in a repository known beforehand; use {param.NAME} or owner/name."
        elif name not in spec.fields:
            yield at, "unknown-field", f"There is no field {name!r}{near(name, set(spec.fields))}"
        elif spec.fields[name].type != "repository":
            yield at, "wrong-type", f"The field {name!r} must be of type repository to be used here."
        return
    unknown = list(_parameters(text, at, profile))
    yield from unknown
    if not unknown and not is_repository(text if not PARAMETER.search(text) else _sample(text, profile)):
        yield at, "wrong-value", f"{text!r} is no repository; write owner/name, {{param.NAME}} or {{field.NAME}}."


def _sample(text: str, profile: ProfileSpec) -> str:
    return PARAMETER.sub(lambda found: "o/n" if profile.parameters[found[1]].type == "repository" else "x", text)


def _parameters(text: str, at: Path, profile: ProfileSpec) -> Iterator[Told]:
    for found in PARAMETER.finditer(text):
        if found[1] not in profile.parameters:
            known = set(profile.parameters)
            yield at, "unknown-parameter", f"There is no parameter {found[1]!r}{near(found[1], known)}"


def _no_field(field: str, name: str, spec: CollectionSpec) -> str:
    return f"The collection {name!r} has no field {field!r}{near(field, set(spec.fields))}"


def _clashes(spec: ProfileSpec) -> Iterator[Told]:
    """Overlaps that are there whatever the parameters: the same words for the repository, paths that may meet."""
    seen: list[Collection] = []
    stand_in = {
        name: of.default or "" if of.type == "folder" else of.default or f"p{position}/n"
        for position, (name, of) in enumerate(spec.parameters.items())
    }
    for name, of in spec.collections.items():
        if not isinstance(of.files.repository, str) and of.files.repository.repository is not None:
            continue  # which repositories, is for each block to say
        built = build.collection("", name, of, stand_in)
        for other in seen:
            if other.repository == built.repository and overlaps(other.pattern, built.pattern):
                message = (
                    f"{other.name!r} and {name!r} may match one file ({other.pattern.source}, {built.pattern.source}); "
                    "narrow one of the paths."
                )
                yield ("collections", name, "files", "path"), "overlap", message
        seen.append(built)
