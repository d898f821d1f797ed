"""Where pages are, here and on the forge. No I/O.

Addresses of ours are relative: they are right behind any proxy, whatever path it takes away. Addresses on the forge are
made of its own address and quoted parts, so that nothing of a repository chooses where a link leads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct

from cache.profile.collection import Block, Collection

ROOT = "/console"


class Here(Struct, frozen=True):
    """The page that was asked for: `root` leads from it to where the server's addresses begin."""

    root: str
    page: str

    @classmethod
    def of(cls, raw_path: str) -> Here:
        """From the path as it was sent, percent signs and all."""
        segments = raw_path.split("/")[1:]
        # with the dot before it a first segment that holds a colon is no scheme (RFC 3986, section 4.2)
        return cls("../" * (len(segments) - 1) or "./", f"./{segments[-1]}")

    def to(self, path: str, /, **query: str | int | None) -> str:
        """A page of the console."""
        said = urlencode({name: value for name, value in query.items() if value is not None})
        return f"{self.root}console/{path}" + (f"?{said}" if said else "")

    def asset(self, name: str, version: str) -> str:
        """A file of ours; with its version in the address it may be kept for ever."""
        return f"{self.root}console/static/{name}?v={version}"

    def api(self, path: str, pairs: Iterable[tuple[str, str]] = ()) -> str:
        """An address of the read API."""
        said = urlencode(list(pairs), errors="replace")
        return f"{self.root}api/v1/{path}" + (f"?{said}" if said else "")

    def collection(self, block: str, name: str, **query: str | None) -> str:
        """A collection's page."""
        return self.to(f"c/{_part(block)}/{_part(name)}", **query)

    def entry(self, block: str, name: str, key: str, part: str = "") -> str:
        """An entry's page, or what belongs to it."""
        return self.to(f"c/{_part(block)}/{_part(name)}/{_part(key)}{part and f'/{part}'}")

    def revision(self, block: str, name: str, key: str, *names: str | int) -> str:
        """A revision of an entry, or with two names what differs between the two texts."""
        return self.entry(block, name, key, "revisions/" + "/diff/".join(str(one) for one in names))

    def pull(self, repository: str, number: int) -> str:
        """A pull request."""
        return self.to(f"pulls/{_full(repository)}/{number}")

    def proposal(self, block: str, name: str, key: str, repository: str, number: int) -> str:
        """What a pull request would make of an entry."""
        return self.entry(block, name, key, f"proposals/{_full(repository)}/{number}")


def _full(repository: str) -> str:
    owner, _, name = repository.partition("/")
    return f"{_part(owner)}/{_part(name)}"


def _part(text: str) -> str:
    quoted = quote(text, safe="", errors="replace")
    # a browser takes "." and ".." away, also when their dots are written %2E
    return quoted if quoted.lstrip("~").strip(".") else f"~{quoted}"


def key_of(segment: str) -> str:
    """The key that a segment of an address stands for."""
    key = unquote(segment, errors="replace")
    return key[1:] if key.startswith("~") and not key.lstrip("~").strip(".") else key


def found(blocks: Sequence[Block], block: str, name: str) -> Collection | None:
    """The collection of an address."""
    for one in blocks:
        if one.name == block:
            return next((each for each in one.collections if each.name == name), None)
    return None


class ForgePages(Struct, frozen=True):
    """Pages of the forge, the same in Gitea and Forgejo."""

    url: str

    def of(self, *parts: str | int) -> str:
        """The address made of parts, each quoted; slashes inside a part stay."""
        return "/".join((self.url.rstrip("/"), *(quote(str(part), safe="/", errors="replace") for part in parts)))

    def pull(self, repository: str, number: int) -> str:
        """A pull request."""
        return self.of(repository, "pulls", number)

    def commit(self, repository: str, sha: str) -> str:
        """A commit."""
        return self.of(repository, "commit", sha)

    def file(self, repository: str, commit: str, path: str, line: int | None = None) -> str:
        """A file as of a commit, at a line."""
        # Gitea shows Markdown made up unless the source is asked for, and then has no lines to go to
        return self.of(repository, "src", "commit", commit, path) + (f"?display=source#L{line}" if line else "")

    def folder(self, repository: str | None, commit: str | None, path: str = "") -> str:
        """The folder of a file as of a commit, where relative links of its text begin; empty where it has no page."""
        if repository is None or commit is None:
            return ""
        return self.file(repository, commit, path).rpartition("/")[0] + "/"

    def branch(self, repository: str, name: str) -> str:
        """A branch."""
        return self.of(repository, "src", "branch", name)


def without(pairs: Iterable[tuple[str, str]], *names: str, **changed: str | None) -> str:
    """A query string with some parameters taken away or put to other values."""
    kept = [(name, value) for name, value in pairs if name not in names and name not in changed]
    return "?" + urlencode([*kept, *((name, value) for name, value in changed.items() if value)], errors="replace")
