"""The page of SQL views and tables, from the shipped profiles and from the row types."""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path

import marks
from marks import code, plain, table

from cache.profile.loader import load_profile, shipped
from cache.rows import EVIDENCE, OPERATIONAL, PROJECTED, EntryRow, Row
from cache.schema import cleared, feed, meta, sight, tables, texts

INTRO = """\
`data_dir/cache.db` is an SQLite file. Open it read-only (`sqlite3 -readonly`, or `?mode=ro` in an address); several
may read while the daemon writes. [Reading over SQL](../how-to/read-sql.md) shows how.

**Views are stable:** a profile's views keep their names and columns. **Tables are not:** they are described here for
whoever needs more than a view shows, and may change with any version. A view of your own profile is declared under
`views` ([profile format](profile-format.md)).

Times are text, UTC, `2026-01-02T03:04:05Z`; lists and objects are JSON text; truths are 0 and 1.
"""

GROUPS = (
    ("What was read", "Evidence: what the forge and Git said.", EVIDENCE),
    ("What follows from it", "Made of the evidence and the profiles; what the digest covers.", PROJECTED),
    ("What Forgeglass remembers of its looking", "Times of this machine.", OPERATIONAL),
)


def views() -> str:
    """The views of every shipped profile."""
    parts = []
    for path in sorted(shipped().glob("*.yaml")):
        spec = load_profile(path).spec
        for name, view in spec.views.items():
            of = f" of `{view.of}`" if view.of else ""
            rows = [
                (code(column), code(source) if isinstance(source, str) else f"{code(source.json)}, as JSON text")
                for column, source in view.columns.items()
            ]
            head = f"### {name}\n\nOf the profile `{spec.profile}`: a row for each of its `{view.from_}`{of}.\n\n"
            parts.append(head + table(("column", "what it shows"), rows))
    return "\n".join(parts)


def said_of(kind: type[Row]) -> dict[str, str]:
    """What stands below each attribute in the source."""
    module = ast.parse(Path(str(sys.modules[kind.__module__].__file__)).read_text(encoding="utf-8"))
    (definition,) = (node for node in module.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    found = {}
    for attribute, after in itertools.pairwise(definition.body):
        if not isinstance(attribute, ast.AnnAssign) or not isinstance(attribute.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[attribute.target.id] = str(after.value.value)
    return found


SAID = {
    "id": "A number, for the full-text index.",
    "words": "What its fields say, for the full-text index.",
}
"""What is said of columns of entries that only the table has."""

TEXTS = """\
### texts

Whatever rows say at length, once. A row refers to it by `..._text` and `..._start`:

```sql
SELECT entries.key, CAST(substr(texts.content, entry_body_start + 1) AS TEXT) AS entry_body
FROM entries JOIN texts ON texts.id = entries.entry_body_text
```

An entry's `body`, as views show it, is its document's where it has one, else its own. Columns: {columns}.
"""


def described(kind: type[Row]) -> str:
    """A table of `cache.db`."""
    said = said_of(kind)
    said |= {f"{name}_text": f"`texts.id`: {plain(said.get(name, 'its text'))}" for name in kind.texts}
    said |= {f"{name}_start": "Where it begins in that, in bytes." for name in kind.texts}
    said |= SAID if kind is EntryRow else {}
    rows = [
        (
            code(column.name) + (" (key)" if column.name in kind.primary else ""),
            "text" if str(column.type) == "TEXT" else str(column.type).lower(),
            "may be null" if column.nullable else "",
            plain(said.get(column.name, "")),
        )
        for column in tables[kind].columns
    ]
    about = plain((kind.__doc__ or "").partition("\n\n")[0])
    return f"### {kind.table}\n\n{about}\n\n" + table(("column", "type", "", "what it is"), rows)


def page() -> str:
    """The page."""
    groups = [
        f"## {title}\n\n{about}\n\n" + "\n".join(described(kind) for kind in kinds) for title, about, kinds in GROUPS
    ]
    others = [
        f"### {name}\n\n{about} Columns: {', '.join(code(column.name) for column in own.columns)}.\n"
        for name, own, about in (
            (feed.name, feed, "The change feed."),
            (sight.name, sight, "Who may be told a change, by its sequence."),
            (cleared.name, cleared, "Findings that were mended."),
            (meta.name, meta, "What the file itself says: the profiles and the version it was made with."),
        )
    ]  # fmt: skip
    own = TEXTS.format(columns=", ".join(code(column.name) for column in texts.columns))
    text = "### entry_text\n\nThe full-text index (FTS5) over the view `entry_search`; its `rowid` is `entries.id`. "
    text += "Columns: `body`, `key`, `title`, `words` (what fields say), `own` (own body beside a document).\n"
    return marks.page("SQL", INTRO, f"## Views\n\n{views()}", *groups, "## Beside these\n", *others, own, text)
