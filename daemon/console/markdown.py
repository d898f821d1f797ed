"""Markdown as HTML that does no harm. No I/O.

HTML inside it stays text. A link may lead to http, https and mailto; a relative one leads to the file beside it on the
forge. Images are never loaded, as they would tell their server who reads: each is a link. Ids are ours: one that the
text chose could stand in for something of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, urljoin, urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from daemon.console.words import shown

LARGEST = 200_000
"""Letters from which on no text is made up."""
SCHEMES = frozenset({"http", "https", "mailto"})
LONG = f"This text is longer than {LARGEST:,} letters and is shown as it is written."
HEADINGS_BELOW = 2
"""The page has a heading above the text's own."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        words = self.renderInlineAsText(token.children, options, env) if token.children else ""
        target = leading(str(token.attrs.get("src", "")), str(env["beside"]))
        said = escape(f"image: {words or 'without words'}")
        # an anchor inside an anchor is none
        if target is None or env.get("in_link"):
            return f'<span class="image">{said}</span>'
        return f'<a class="image" rel="nofollow noopener noreferrer" href="{escape(target)}">{said}</a>'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        target = leading(str(tokens[idx].attrs.get("href", "")), str(env["beside"]))
        env["in_link"] = True
        if target is None:
            env["unlinked"] = True
            return '<span class="unlinked">'
        return f'<a rel="nofollow noopener noreferrer" href="{escape(target)}">'

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        env["in_link"] = False
        return "</span>" if env.pop("unlinked", False) else "</a>"

    def _heading(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        level = min(6, int(token.tag[1:]) + HEADINGS_BELOW)
        if token.nesting < 0:
            return f"</h{level}>\n"
        slug = _slug(tokens[idx + 1].content)
        taken: set[str] = env.setdefault("slugs", set())
        named = f' id="doc-{slug}"' if slug and slug not in taken else ""
        taken.add(slug)
        return f"<h{level}{named}>"

    heading_open = heading_close = _heading

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        # its language would become a class of the text's choice
        return f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def _cell(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        # alignment is an inline style, which the page's policy refuses
        token = tokens[idx]
        return f"<{token.tag}>" if token.nesting > 0 else f"</{token.tag}>\n"

    th_open = td_open = th_close = td_close = _cell


class _Markdown(MarkdownIt):
    """Takes every target as it stands: `leading` judges them, so that what a refused link said stays readable."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's own name
        return url


_PARSER = _Markdown("commonmark", {"html": False}, renderer_cls=_Renderer).enable(["table", "strikethrough"])


def rendered(text: str, beside: str) -> Markup:
    """The text as HTML, however long that takes: pages ask `rendering`. `beside` is the address of the folder on the
    forge that relative links begin at.
    """
    if len(text) > LARGEST:
        return verbatim(text, LONG)
    return Markup(_PARSER.render(shown(text), {"beside": beside}))  # noqa: S704 - made above, of escaped parts


def verbatim(text: str, note: str) -> Markup:
    """The text as it is written, below a note that says why."""
    made = Markup('<p class="quiet">{}</p>\n<pre class="verbatim" tabindex="0">{}</pre>')
    return made.format(note, shown(text))


def leading(target: str, beside: str) -> str | None:
    """Where a link may lead; None where it may not."""
    target = _INVISIBLE.sub("", target).replace("\\", "/")  # as a browser reads it (url.spec.whatwg.org)
    if target.startswith("#"):
        return f"#doc-{_slug(target[1:])}"
    if _SCHEME.match(target):
        if target.partition(":")[0].lower() not in SCHEMES:
            return None
        joined = target
    else:
        if target.startswith("//") or not beside:
            return None
        joined = urljoin(beside, target.lstrip("/"))
        if not joined.startswith(f"{urlsplit(beside).scheme}://{urlsplit(beside).netloc}/"):
            return None
    return quote(joined, safe="!#$%&'()*+,/:;=?@[]~", errors="replace")


def _slug(text: str) -> str:
    return "-".join(re.findall(r"\w+", text.lower()))[:80]
