"""Decision records as teams write them, in the shapes of the usual forms; the words are made up.

Each shape was seen in public repositories: Nygard's form (as adr-tools writes it), MADR 2 (a list below the title),
MADR 3 and 4 (front matter), bold lines, tables, and what people do to all of them.
"""

from __future__ import annotations

NYGARD = """\
# 1. Record decisions

Date: 2020-01-02

## Status

Accepted

## Context

We forget why.

## Decision

We write it down. Status: this line is prose.

## Consequences

Date: 1999-01-01
"""

NYGARD_SUPERSEDED = """\
# 2. Use MySQL

Date: 2020-02-03

## Status

Superceded by [3. Use PostgreSQL, not MySQL](0003-use-postgresql.md)

Amended by [4. Host it](0004-host-it.md)

## Context
"""

NYGARD_SUPERSEDES = """\
# 3. Use PostgreSQL, not MySQL

Date: 2021-02-03

## Status

Accepted

Supersedes [2. Use MySQL](0002-use-mysql.md)
"""

MADR_2 = """\
# Host it ourselves

* Status: superseded by [ADR-0005](0005-rent.md)
* Deciders: Ann Lee, @bob; carol <!-- optional -->
* Date: 2021-06-21 <!-- when it was last updated -->

Technical Story: [Issue 4](https://example.org/4)

## Context and Problem Statement

* Status: this is below the second heading
"""

MADR_4 = """\
---
status: "accepted"
date: 2024-08-09
decision-makers: [ann, bob]
consulted: Product owner
informed:
  - everyone
tags: [hosting]
---

# Rent it

## Context and Problem Statement
"""

MADR_3 = """\
---
# what this one is
status: superseded by ADR-0123
date: 2023-01-01
deciders: Ann, Bob and Carol
---
# ADR-0006: Ask before renting

## Decision Outcome
"""

BOLD = """\
# ADR 7 — Bold lines

**Status:** Accepted (implemented)
**Date:** unknown
- **Decision Makers**: The whole team
- **Supersedes:** [0006](0006-ask.md), ADR-4

## Context
"""

TABLE = """\
# ADR-008 Tables

| Field | Value |
|-------|-------|
| Status | Proposed |
| Date | `2026-10-07 Europe/Rome` |
| Decider | dora |

## Context
"""

BARE = "Just a thought, without any heading.\n"

ODD = """\
---
status: [accepted]
date: {when the decision was last updated}
decision-makers: {list everyone involved}
number: seven
title: [a, list]
---
# Unfilled

## Status

**🚧 LAST CALL 2024-02-03**
"""

UNSURE = """\
---

Some words between two rules, which are no front matter.

---

Status
======

Proposed; see [the plan](plan.md)
"""

FILES: dict[str, str | bytes] = {
    "docs/adr/0001-record-decisions.md": NYGARD,
    "docs/adr/0002-use-mysql.md": NYGARD_SUPERSEDED,
    "docs/adr/0003-use-postgresql.md": b"\xef\xbb\xbf" + NYGARD_SUPERSEDES.replace("\n", "\r\n").encode(),
    "docs/adr/0004-host-it.md": MADR_2.replace("\n", "\r\n"),
    "docs/adr/0005-rent.md": MADR_4,
    "docs/adr/0006-ask.md": MADR_3,
    "docs/adr/ADR-007-bold.md": BOLD,
    "docs/adr/00008_tables.md": TABLE,
    "docs/adr/bare.md": BARE,
    "docs/adr/010-odd.md": b"\xef\xbb\xbf" + ODD.encode(),
    "docs/adr/011.md": UNSURE,
    "docs/adr/012-empty.md": "",
    "docs/adr/README.md": "# Decisions\n\n* [ADR-0001](0001-record-decisions.md)\n",
    "docs/adr/index.md": "# Index\n",
    "docs/adr/template.md": "# {short title}\n\n* Status: {proposed | accepted}\n",
    "docs/adr/0000-adr-template.md": "# NUMBER. TITLE\n\nDate: DATE\n",
    "docs/adr/.hidden.md": "x",
    "docs/adr/picture.png": b"\x89PNG\x00\xff",
    "docs/guide.md": "# No decision\n",
    "decisions/9-at-the-top.md": "# 9. At the top\n\n## Status\n\nSuperseded by ADR-0001\n",
    "src/team/Architecture-Decisions/backend/0001-again.md": "# ADR 1: The same number again\n",
}
"""A repository in which all of them stand together."""
