"""Every problem that Forgeglass can find in a file, with its remedy.

The ids are stable: people filter on them and links lead to their description.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning"]


class Rule(Struct, frozen=True):
    """What a rule checks and what to do when it is broken."""

    id: str
    severity: Severity
    summary: str
    remedy: str


class Problem(Struct, frozen=True):
    """One broken rule. `line` counts from 1 within the file; `field` is the name that the file uses."""

    rule: str
    severity: Severity
    message: str
    line: int | None = None
    field: str | None = None


def _rules(severity: Severity, *rows: tuple[str, str, str]) -> dict[str, Rule]:
    return {id_: Rule(id_, severity, summary, remedy) for id_, summary, remedy in rows}


RULES: dict[str, Rule] = {
    **_rules(
        "error",
        ("not-utf8", "The file is not UTF-8.", "Save it as UTF-8; a byte order mark is fine."),
        (
            "lfs-pointer",
            "The file is a pointer of Git LFS; its text is not in Git, and is not fetched.",
            "Take entries out of LFS: `git lfs migrate export --include=PATH`.",
        ),
        (
            "line-ends",
            "Lines end in CR alone, which nobody but old Macs reads as the end of a line.",
            "Save the file with LF or CRLF.",
        ),
        ("byte-order-mark", "The file begins with more than one byte order mark.", "Remove them, or keep one."),
        ("bad-text", "Text holds a NUL or half a surrogate pair, which no database takes.", "Remove the character."),
        ("too-large", "The file is larger than 1 MiB.", "Split it, or keep the bulk in a file that is no entry."),
        (
            "front-matter-too-large",
            "The front matter is larger than 64 KiB.",
            "Move long text below the closing '---'.",
        ),
        (
            "missing-front-matter",
            "The file has no front matter and its collection requires fields.",
            "Begin the file with '---', the fields, and '---' again.",
        ),
        ("unclosed-front-matter", "The opening '---' has no closing one.", "Close the front matter with a '---' line."),
        (
            "front-matter-not-mapping",
            "The front matter or file is a list or a single value.",
            "Write it as 'name: value' lines.",
        ),
        ("yaml-syntax", "The YAML cannot be read.", "Correct the line; quote text that holds ': ', '#', '@' or '`'."),
        ("yaml-too-deep", "The YAML nests deeper than 32 levels.", "Flatten it."),
        ("yaml-too-many-events", "The YAML holds more than 5,000 parts.", "Move the bulk elsewhere."),
        ("yaml-alias", "The YAML uses an anchor or an alias.", "Write the value out; quote text that begins with it."),
        ("yaml-tag", "The YAML uses a tag.", "Remove it: the profile knows the type. Quote text that begins with '!'."),
        ("yaml-merge-key", "The YAML uses a merge key ('<<').", "Write the values out."),
        ("yaml-key", "A key is not plain text.", "Use a non-empty word as the key."),
        ("duplicate-key", "A key stands twice in one mapping.", "Keep one of them."),
        ("missing-field", "A required field is missing or empty.", "Add it."),
        ("wrong-type", "A value does not have the type of its field.", "Write it as the profile says."),
        ("not-a-list", "A single value stands where a list is expected.", "Put it in brackets: [value]."),
        (
            "ambiguous-date",
            "A date may be two days, as 05/02/2018.",
            "Write it as 2018-02-05: year, month, day.",
        ),
        ("not-in-enum", "A value is not among those allowed.", "Use one of the allowed values."),
        ("out-of-range", "A number, a length or a count is outside its range.", "Bring it into the range."),
        (
            "key-mismatch",
            "The file says another key than its path.",
            "Rename the file, or correct or remove the field.",
        ),
        ("refused-field", "The file holds a field that must not be kept in Git.", "Remove it, and renew the secret."),
        ("bad-json", "The JSON cannot be read.", "Correct it; NaN, Infinity and comments are not JSON."),
        (
            "too-many-lines",
            "A file of lines has more than 10,000 of them.",
            "Split it, as by month; until then its last good version is served.",
        ),
        (
            "too-slow",
            "An expression of the profile takes too long over the file's text.",
            "Simplify the expression (no repetition within a repetition), or the text.",
        ),
        ("bad-line", "A line is not a JSON object with the fields of its key.", "Correct the line; the others stand."),
        ("bad-key", "The key cannot be used.", "Use 1 to 255 characters, without '/' and control characters."),
        (
            "duplicate-key-claim",
            "Two files claim one key; the first that landed keeps it.",
            "Give the later one another key.",
        ),
        ("symlink", "The path is a symbolic link, which is never followed.", "Commit the file itself."),
        ("submodule", "The path is a submodule, which is never read.", "Commit the file itself."),
        (
            "odd-name",
            "The path would name an entry but for bytes that are not UTF-8, or control characters.",
            "Rename the file.",
        ),
        (
            "too-many-problems",
            "One file has more problems than are told one by one.",
            "Correct those that are told; the rest then show.",
        ),
        ("dangling", "A reference leads to nothing.", "Restore what it names, or correct it."),
        (
            "doubled-name",
            "A folder of the repository holds one name twice; the first of the two is read.",
            "Commit the folder again from a checkout; `git fsck` names such trees.",
        ),
        (
            "never-read",
            "A repository that a profile reaches could not be read even once; nothing of it is served.",
            "Do what the message says; `forgeglass sweep` tries again at once.",
        ),
        (
            "repository-limit",
            "A repository holds more than a limit of the configuration allows; the files that came last are left out.",
            "Raise the limit that the message names, or keep fewer or smaller files.",
        ),
        ("missing-document", "An entry's own repository lacks its document.", "Add the file, or correct the entry."),
        (
            "unreadable-object",
            "The file's content is not at hand.",
            "Keep the file below forge.max_file_size, or raise that; check the repository on the forge.",
        ),
        (
            "default-branch-missing",
            "A repository's default branch is not among its branches; what was last read of it stands.",
            "Make one of its branches the default branch on the forge.",
        ),
        (
            "pull-requests-hidden",
            "The forge does not show a repository's pull requests; they stand as they were last seen.",
            "Switch them on, let the token's user read them, or leave them out of the profile.",
        ),
        (
            "pull-requests-unreadable",
            "The list of a repository's pull requests could not be read; they stand as they were last seen.",
            "Do what the message says; they are read again by themselves.",
        ),
        (
            "pull-request-unreadable",
            "One pull request could not be read; it stands as it was last seen, and everything else goes on.",
            "Do what the message says, or close the pull request.",
        ),
    ),
    **_rules(
        "warning",
        (
            "too-many-findings",
            "A repository has more findings than are listed.",
            "Correct those that are listed; the rest then show.",
        ),
        (
            "odd-date",
            "A file's commit is dated beyond the year 9999; it is kept as the last second of it, and sorts last.",
            "Set the clock of whoever commits, and commit the file again.",
        ),
        ("unknown-field", "The file holds a field that the profile does not know.", "Correct its name or remove it."),
        (
            "invalid-target",
            "A reference leads to an entry whose file is there and invalid.",
            "Correct that file; what is wrong with it is a finding of its own.",
        ),
        (
            "unknown-pull-request",
            "An entry names a pull request that is not there, or not shown to us.",
            "Correct the address, or let the token see the repository.",
        ),
        (
            "outside-owners",
            "An entry names a repository of an owner that the configuration does not name; nothing is read of it.",
            "Name a repository of one of forge.owners, or add the owner there.",
        ),
        (
            "revision-content-gone",
            "What an entry said when a pull request was raised cannot be told: the forge does not give that head.",
            "Nothing mends it here; keep a copy of state.db, and let the forge's gc wait longer.",
        ),
        (
            "heads-forgotten",
            "The forge may have forgotten earlier pushes of a pull request before it was first read.",
            "Nothing mends it here: what the entry said at the earliest known push is kept. Keep a copy of state.db.",
        ),
        (
            "hook-silent",
            "Deliveries of an owner's webhooks have stopped, while sweeps find changes that none told.",
            "Run `forgeglass doctor`; `forgeglass hooks sync` mends the webhook.",
        ),
    ),
}

MAX_MESSAGE, MAX_NAME = 500, 200
"""Characters of a problem's message, and of the name of its field."""

OPERATIONAL = frozenset({"hook-silent", "never-read"})
"""Rules of what happens here and now, which follows neither from the forge's content nor from a profile."""
READ_ERRORS = frozenset({"pull-request-unreadable", "pull-requests-unreadable"})
"""Rules of what could not be read: another reading may fail otherwise, or not at all."""


def problem(
    rule: str, message: str, *, line: int | None = None, field: str | None = None, severity: Severity | None = None
) -> Problem:
    """A problem under a known rule, with the rule's severity unless another is given; what is too long is cut.
    KeyError: no such rule.
    """
    told = field if field is None or len(field) <= MAX_NAME else f"{field[:MAX_NAME]}…"
    return Problem(rule, severity or RULES[rule].severity, cut(message), line, told)


def cut(message: str) -> str:
    """A message as long as one may be."""
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"


def shown(text: str, limit: int = 60) -> str:
    """Foreign text for a message: quoted, escaped and cut short."""
    return repr(text if len(text) <= limit else text[:limit] + "…")
