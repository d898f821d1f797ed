"""What stands in the demo's meta repository: thirty-one entries, a few of them broken on purpose.

Pure: names, people and texts are fixed, so the repositories come out with the same commit ids every time.
"""

from __future__ import annotations

from dataclasses import dataclass

ORGANIZATION = "acme"
META = f"{ORGANIZATION}/meta"
BOT = "rfcbot"


@dataclass(frozen=True)
class Entry:
    """One request for comments. `repo` is the repository of an active one; `says` is its first sentence."""

    slug: str
    title: str
    state: str
    by: str
    proposed_at: str
    says: str
    tags: tuple[str, ...] = ()
    repo: str = ""
    number: str = ""


ACTIVE = (
    Entry("open-hub", "One hub for all integrations", "active", "ada", "2025-01-14",
          "Every service talks to every other; a hub in the middle makes that one connection each.",
          ("integration", "core"), f"{ORGANIZATION}/rfc-open-hub", "RFC-0001"),
    Entry("access-tokens", "Access tokens that expire", "active", "grace", "2025-01-20",
          "A token that lives for ever is found sooner or later by somebody who should not have it.",
          ("security",), f"{ORGANIZATION}/rfc-access-tokens", "RFC-0002"),
    Entry("change-feed", "A change feed with positions", "active", "barbara", "2025-02-03",
          "Readers that poll lists miss what came and went in between.",
          ("integration", "api"), f"{ORGANIZATION}/rfc-change-feed", "RFC-0003"),
    Entry("event-names", "Names of events", "active", "edsger", "2025-02-11",
          "Seven spellings of the same event are in use, and four of them are wrong.",
          ("naming",), f"{ORGANIZATION}/rfc-event-names", "RFC-0004"),
    Entry("audit-log", "An audit log that nobody can edit", "active", "margaret", "2025-02-19",
          "Who did what, when, and on whose behalf is asked when it is too late to write it down.",
          ("security", "core"), f"{ORGANIZATION}/rfc-audit-log", "RFC-0005"),
    Entry("retention", "How long we keep what", "active", "ada", "2025-02-27",
          "Data without an end date is kept until it leaks.",
          ("legal",), f"{ORGANIZATION}/rfc-retention", "RFC-0006"),
)  # fmt: skip

IDEAS = (
    Entry("slow-reads", "Why are reads slow?", "idea", "grace", "2025-03-03",
          "A page of the dashboard asks the forge eleven hundred questions.", ("performance",)),
    Entry("naming", "A guide to naming things", "idea", "edsger", "2025-03-04",
          "Names are read more often than they are written.", ("naming",)),
    Entry("quiet-hours", "Quiet hours for notifications", "idea", "margaret", "2025-03-06",
          "Nobody acts on a notification at three in the morning.", ("people",)),
    Entry("search-language", "One search language", "idea", "barbara", "2025-03-07",
          "Each of our three search boxes understands something else.", ("api", "search")),
    Entry("cold-start", "Start in under a second", "idea", "ada", "2025-03-10",
          "Starting takes longer than what is then done.", ("performance",)),
    Entry("plain-errors", "Errors that say what to do", "idea", "grace", "2025-03-11",
          "An error message is a piece of documentation that everybody reads.", ("people", "api")),
    Entry("calendar", "A calendar of releases", "idea", "margaret", "2025-03-12",
          "Releases happen on Fridays, because that is when they are ready.", ("people",)),
    Entry("read-replicas", "Read replicas", "idea", "barbara", "2025-03-13",
          "Reading and writing compete for one disk.", ("performance", "core")),
    Entry("glossary", "A glossary", "idea", "edsger", "2025-03-14",
          "Three teams use the word “project” for three things.", ("naming",)),
    Entry("two-factor", "Two factors for everybody", "idea", "ada", "2025-03-17",
          "A password alone is a secret told to a stranger every morning.", ("security",)),
    Entry("dark-archive", "A dark archive", "idea", "barbara", "2025-03-18",
          "Some records must be kept and must not be read.", ("legal",)),
    Entry("feature-flags", "Flags with an end date", "idea", "grace", "2025-03-19",
          "A flag that nobody removes is a fork of the program.", ("core",)),
    Entry("mirrors", "Mirrors on other continents", "idea", "margaret", "2025-03-20",
          "Light is slow.", ("performance",)),
)  # fmt: skip

WITHDRAWN = (
    Entry("own-crypto", "Our own cipher", "withdrawn", "edsger", "2025-03-21",
          "It seemed to be fun.", ("security",)),
    Entry("monorepo", "One repository for everything", "withdrawn", "ada", "2025-03-24",
          "The tools were not ready, and neither were we.", ("core",)),
    Entry("weekly-votes", "Vote every week", "withdrawn", "margaret", "2025-03-25",
          "After three weeks nobody came.", ("people",)),
    Entry("xml-api", "An XML interface beside the JSON one", "withdrawn", "barbara", "2025-03-26",
          "Nobody asked for it twice.", ("api",)),
    Entry("free-lunch", "A free lunch", "withdrawn", "grace", "2025-03-27",
          "There is none.", ("people",)),
)  # fmt: skip

DANGLING = Entry(
    "lost-and-found", "Lost and found", "active", "edsger", "2025-03-28",
    "This one names a repository that does not exist.", ("naming",), f"{ORGANIZATION}/rfc-lost-and-found", "RFC-0007",
)  # fmt: skip

PROPOSED = (
    Entry("streaming-replies", "Replies that stream", "idea", "ada", "2025-04-02",
          "Forty seconds of silence, then everything at once: nobody waits for that.", ("api", "performance")),
    Entry("offline-mode", "Work without a connection", "idea", "grace", "2025-04-03",
          "Trains have tunnels.", ("core",)),
    Entry("plugin-market", "A place for plug-ins", "idea", "margaret", "2025-04-04",
          "Everybody has written the same plug-in, and nobody knows.", ("people",)),
    Entry("typed-settings", "Settings with types", "idea", "barbara", "2025-04-07",
          "The setting `timeout` takes seconds, milliseconds or the word “no”.", ("core",)),
    Entry("undo-everything", "Undo for everything", "idea", "edsger", "2025-04-08",
          "Deleting should be as cheap as changing one's mind.", ("people", "core")),
)  # fmt: skip
"""Entries that come by a pull request of their own; two of them are merged."""

GOOD = (*ACTIVE, *IDEAS, *WITHDRAWN, DANGLING)


def path(slug: str) -> str:
    """Where an entry's file stands in the meta repository."""
    return f"rfcs/{slug}.md"


def text(entry: Entry, says: str | None = None) -> str:
    """The file of an entry: front matter, then the body. `says` replaces its first sentence."""
    return f"{front_matter(entry)}# {entry.title}\n\n{says or entry.says}\n{_BODY}"


def front_matter(entry: Entry) -> str:
    """The block between the two rules."""
    lines = [f'title: "{entry.title}"', f"state: {entry.state}", f"proposed_by: {entry.by}"]
    lines += [f"proposed_at: {entry.proposed_at}", f"owners: [{entry.by}]", "arbiters: [root1]"]
    lines += [f"tags: [{', '.join(entry.tags)}]"]
    if entry.number:
        lines += [f"id: {entry.number}", "graduated_at: 2025-04-01", "graduated_by: root1"]
    if entry.repo:
        lines += [f"repo: {entry.repo}"]
    return "---\n" + "\n".join(lines) + "\n---\n"


def document(entry: Entry, *parts: str) -> str:
    """RFC.md of an active entry's own repository, with paragraphs added."""
    return f"# {entry.title}\n\n{entry.says}\n{_BODY}" + "".join(f"\n{part}\n" for part in parts)


_BODY = """
## What we would do

The smallest thing that could be true, written down where everybody finds it, and changed when it is not.

## What speaks against it

Time, and what we already have.
"""

BROKEN: dict[str, bytes] = {
    "rfcs/broken-quotes.md": b'---\ntitle: "Quotes that never close\nstate: idea\n---\nBroken YAML.\n',
    "rfcs/no-title.md": b"---\nstate: idea\nproposed_by: ada\n---\nThis one has no title.\n",
    "rfcs/odd-state.md": b"---\ntitle: A state of its own\nstate: actve\nproposed_by: grace\n---\nA typing error.\n",
    "rfcs/old-editor.md": "---\ntitle: Façade\nstate: idea\n---\nIn Latin-1, as once.\n".encode("latin-1"),
    "rfcs/twice.md": b"---\ntitle: Said twice\nstate: idea\ntitle: Said differently\n---\nOne key, two values.\n",
}
"""Files that are broken on purpose, each in one way."""

SYMLINK = ("rfcs/alias.md", "open-hub.md")
