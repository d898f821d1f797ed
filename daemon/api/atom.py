"""Changes as an Atom feed (RFC 4287), in pages (RFC 5005, section 3). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from msgspec import Struct

from daemon.api.addresses import ROOT
from daemon.api.telling import origin, sentence

CONTENT_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
NEVER = "1970-01-01T00:00:00Z"
"""When a feed without an entry was updated: an `updated` must be there, and must not move by being looked at."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMIT = re.compile(r"[0-9a-f]{40,64}", re.ASCII)

ET.register_namespace("", NAMESPACE)


class Page(Struct, frozen=True):
    """A page of the feed. Addresses are absolute; `base` is ours, what stands before `/api/v1`, `forge` the forge's.

    `identity` never changes for one feed and is no other's; `older` is None on the last page.
    """

    identity: str
    title: str
    version: str
    base: str
    forge: str
    itself: str
    first: str
    older: str | None
    changes: str
    items: Sequence[Mapping[str, Any]]


def document(page: Page) -> bytes:
    """The feed as XML in UTF-8, newest entry first."""
    feed = ET.Element(f"{{{NAMESPACE}}}feed")
    _text(feed, "id", page.identity)
    _text(feed, "title", page.title)
    _text(feed, "updated", page.items[0]["at"] if page.items else NEVER)
    _text(_add(feed, "author"), "name", "Forgeglass")
    _text(feed, "generator", "Forgeglass", version=page.version)
    _link(feed, "self", page.itself, CONTENT_TYPE)
    _link(feed, "alternate", page.changes, "application/json")
    _link(feed, "first", page.first, CONTENT_TYPE)
    if page.older is not None:
        _link(feed, "next", page.older, CONTENT_TYPE)
    for item in page.items:
        _entry(feed, page, item)
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: ET.Element, page: Page, change: Mapping[str, Any]) -> None:
    entry = _add(feed, "entry")
    _text(entry, "id", f"urn:forgeglass:change:{quote(change['position'], safe=':')}")
    _text(entry, "title", sentence(change), type="text")
    _text(entry, "updated", change["at"])
    for term in (change["kind"], change["operation"]):
        _add(entry, "category", term=term)
    shown = _page(page.forge, change)
    if shown is not None:
        _link(entry, "alternate", shown, "text/html")
    else:
        _link(entry, "alternate", _alone(page.base, change), "application/json")
    if change["kind"] == "entry" and change["operation"] != "deleted":
        place = "/".join(quote(change[name], safe="") for name in ("block", "collection", "key"))
        _link(entry, "related", f"{page.base}{ROOT}/{place}", "application/json")
    _text(entry, "content", "\n".join(filter(None, (sentence(change), origin(change)))), type="text")


def _page(forge: str, change: Mapping[str, Any]) -> str | None:
    """The forge's own page about a change, where there is one."""
    if change["repository"] is None:
        return None
    repository = f"{forge.rstrip('/')}/{quote(change['repository'])}"
    if change["kind"] in ("pull", "revision", "proposal"):
        return f"{repository}/pulls/{change['number']}"
    if change["kind"] == "repository":
        return repository if change["operation"] != "deleted" else None
    return f"{repository}/commit/{change['commit']}" if _COMMIT.fullmatch(change["commit"] or "") else None


def _alone(base: str, change: Mapping[str, Any]) -> str:
    epoch = change["position"].rpartition(":")[0]
    return f"{base}{ROOT}/changes?after={quote(epoch, safe='')}:{change['sequence'] - 1}&limit=1"


def _add(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    clean = {key: _NOT_XML.sub("\ufffd", value) for key, value in attributes.items()}
    return ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", clean)


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    _add(parent, name, **attributes).text = _NOT_XML.sub("\ufffd", text)


def _link(parent: ET.Element, relation: str, href: str, media: str) -> None:
    _add(parent, "link", rel=relation, href=href, type=media)
