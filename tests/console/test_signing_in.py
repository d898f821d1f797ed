"""Who sees what in the console: strangers, people who signed in with a token, and those whom a trusted proxy names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from api_rows import NOW, entry, finding, place, pull, repository
from api_server import Cache
from api_tokens import Kept
from console_cache import filled, only_read
from console_loops import ONE_LOOP
from console_page import Page
from console_site import PAGES, Site, serve
from yarl import URL

from daemon.api.access import Access
from daemon.api.credentials import TrustedProxy
from daemon.api.sessions import LIFETIME

SECRET = "theirs"
"""The key of the one entry that is not public."""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@asynccontextmanager
async def guarded(cache: Cache, kept: Kept, *access: Any, **context: Any) -> AsyncIterator[Site]:
    """A site with a private repository in its cache, under the name of a machine of its own."""
    await cache.put(
        repository(9, "other/meta", private=True), entry(SECRET, repository_id=9),
        finding("f9", key=SECRET, repository_id=9, message=f"about {SECRET}"), pull(5, 9, title=f"Change {SECRET}"),
        place(5, SECRET, repository_id=9),
    )  # fmt: skip
    made = Access(kept, lambda: cache.now, *access)
    # no jar of cookies: what a browser would send is written out here
    jar = aiohttp.DummyCookieJar()
    async with serve(cache, access=made, **context) as site, aiohttp.ClientSession(cookie_jar=jar) as session:
        site.session = session
        yield site
    await made.stop()


async def post(
    site: Site, path: str, status: int, headers: dict[str, str] | None = None, **form: str
) -> tuple[aiohttp.ClientResponse, str]:
    url = URL(f"{site.root}/console/{path}", encoded=True)
    async with site.session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        text = await answer.text()
        assert answer.status == status, text
        return answer, text


def cookie_of(answer: aiohttp.ClientResponse) -> Morsel[str]:
    ((_, morsel),) = SimpleCookie(answer.headers["Set-Cookie"]).items()
    return morsel


async def signed_in(site: Site, token: str) -> dict[str, str]:
    answer, _ = await post(site, "sign-in", 303, token=token, to="")
    morsel = cookie_of(answer)
    return {"Cookie": f"other=1; {morsel.key}={morsel.value}"}


async def seen(site: Site, path: str, headers: dict[str, str] | None = None, status: int = 200) -> str:
    return (await site.answer(f"/console/{path}", headers=headers, status=status))[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen_by_strangers(nothing_left: None) -> AsyncIterator[Site]:
    async with filled() as cache, guarded(cache, Kept()) as site:
        only_read(cache)
        yield site


@ONE_LOOP
@pytest.mark.parametrize("path", PAGES)
async def test_a_stranger_is_shown_nothing_of_what_is_private(seen_by_strangers: Site, path: str) -> None:
    text = await seen(seen_by_strangers, path)
    assert SECRET not in text
    assert "other/meta" not in text


async def test_what_is_hidden_is_not_there(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        hidden = await seen(site, f"c/rfc/rfcs/{SECRET}", status=404)
        absent = await seen(site, "c/rfc/rfcs/nobody", status=404)
        assert hidden.replace(SECRET, "nobody") == absent


async def test_signing_in_shows_what_the_token_sees_until_signing_out(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        link = next(one for one in Page(await seen(site, "c/rfc/rfcs?q=x")).links() if "sign-in" in one)
        form = Page(await seen(site, f"sign-in?{link.partition('?')[2]}"))
        assert form.root.one("input", name="to")["value"] == "c/rfc/rfcs?q=x"
        assert form.root.one("input", name="token")["type"] == "password"
        answer, _ = await post(site, "sign-in", 303, token=kept.give("ada"), to="c/rfc/rfcs?q=x")
        assert URL(f"{site.root}/console/sign-in").join(URL(answer.headers["Location"])) == URL(
            f"{site.root}/console/c/rfc/rfcs?q=x"
        )
        morsel = cookie_of(answer)
        headers = {"Cookie": f"{morsel.key}={morsel.value}"}
        page = Page(await seen(site, "c/rfc/rfcs", headers))
        assert SECRET in page.text
        assert "ada" in page.root.one("form", kind="who").text
        out, _ = await post(site, "sign-out", 303, headers)
        assert (cookie_of(out).value, cookie_of(out)["max-age"]) == ("", "0")
        assert "Sign in" in await seen(site, "c/rfc/rfcs", headers, status=401), "the cookie opens nothing any more"
        assert SECRET not in await seen(site, "c/rfc/rfcs")


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept, public_url="https://docs.example.org/forgeglass") as site:
        token = kept.give()
        morsel = cookie_of((await post(site, "sign-in", 303, token=token))[0])
    assert (morsel["httponly"], morsel["samesite"], morsel["secure"]) == (True, "Lax", True)
    assert (morsel["path"], morsel["max-age"]) == ("/forgeglass", str(12 * 3600))
    assert token not in morsel.value
    assert len(morsel.value) >= 43, "256 random bits"


async def test_scopes_hold_in_the_console(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        theirs = await signed_in(site, kept.give("theirs", owners=["other"]))
        shown = await seen(site, "c/rfc/rfcs", theirs)
        assert SECRET in shown
        assert "alpha" not in shown


@pytest.mark.parametrize("path", ["", "c/rfc/rfcs", "static/nothing"])
async def test_a_session_ends_in_time_and_with_its_token(cache: Cache, kept: Kept, path: str) -> None:
    """Whoever believes to be signed in is told that it is over, not shown less without a word."""
    async with guarded(cache, kept) as site:
        for name in ("late", "revoked"):
            headers = await signed_in(site, kept.give(name))
            if name == "late":
                cache.now = NOW + LIFETIME
            else:
                kept.revoke(name)
            if path.startswith("static"):
                await seen(site, path, headers, status=404)
                continue
            answer, text = await site.answer(f"/console/{path}", headers=headers, status=401)
            assert "has ended" in text
            assert cookie_of(answer).value == ""
            async with site.session.get(f"{site.root}/api/v1/rfcs", headers=headers) as told:
                assert (told.status, (await told.json())["type"]) == (401, "urn:forgeglass:problem:session-ended")
            cache.now = NOW


async def test_the_api_takes_the_session_too_and_caches_are_told(cache: Cache, kept: Kept) -> None:
    """The pages' own stream of events and their links to JSON go there."""
    async with guarded(cache, kept) as site:
        headers = await signed_in(site, kept.give())
        async with site.session.get(f"{site.root}/api/v1/rfcs", headers=headers) as told:
            assert SECRET in await told.text()
            assert "private" in told.headers["Cache-Control"]
            assert "Cookie" in told.headers["Vary"]
        answer, _ = await site.answer("/console/", headers=headers)
        assert "private" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize("token", ["", "fg_", "fg_wrong", "x" * 300, "fg_\u202e", "fg_" + "a" * 900, "' OR 1=1"])
async def test_a_wrong_token_opens_nothing(cache: Cache, kept: Kept, token: str) -> None:
    async with guarded(cache, kept) as site:
        answer, text = await post(site, "sign-in", 403, token=token, to="pulls")
        assert "Set-Cookie" not in answer.headers
        assert "not known" in text
        assert token == "" or token not in text
        assert Page(text).root.one("input", name="to")["value"] == "pulls"


async def test_a_form_that_is_none_opens_nothing(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        token, url = kept.give(), f"{site.root}/console/sign-in"
        for body, kind in ((f"token={token}".encode(), "text/plain"), (b"\xff" * 9000, None), (b"%zz=%ff&token", None)):
            sent = {"Content-Type": kind or "application/x-www-form-urlencoded"}
            async with site.session.post(url, data=body, headers=sent, allow_redirects=False) as answer:
                assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"}, {"Origin": "null"},
    ],
)  # fmt: skip
async def test_other_sites_sign_nobody_in_or_out(cache: Cache, kept: Kept, headers: dict[str, str]) -> None:
    """Else a page could sign its visitors in as somebody else, and watch what they look for."""
    async with guarded(cache, kept) as site:
        answer, _ = await post(site, "sign-in", 403, headers, token=kept.give("theirs"))
        assert "Set-Cookie" not in answer.headers
        mine = await signed_in(site, kept.give("mine"))
        await post(site, "sign-out", 405, {**headers, **mine})
        assert SECRET in await seen(site, "c/rfc/rfcs", mine)


async def test_a_browser_without_fetch_metadata_signs_in_too(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept, public_url="http://glass.example/x") as site:
        for origin in (site.root, "http://glass.example"):
            await post(site, "sign-in", 303, {"Origin": origin}, token=kept.give(origin))


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example", "https://evil.example", "/\\evil", "x\r\nSet-Cookie: a=b", "\u202e", "..//evil.example/",
        "a" * 9000,
    ],
)  # fmt: skip
async def test_the_way_back_stays_here(cache: Cache, kept: Kept, to: str) -> None:
    async with guarded(cache, kept) as site:
        answer, _ = await post(site, "sign-in", 403 if len(to) > 5000 else 303, token=kept.give(), to=to)
        way = URL(f"{site.root}/console/sign-in").join(URL(answer.headers.get("Location", "./")))
        assert str(way.origin()) == site.root
        assert len(answer.headers.getall("Set-Cookie", [])) <= 1


async def test_only_a_form_signs_out(cache: Cache, kept: Kept) -> None:
    """A link or a picture must not."""
    async with guarded(cache, kept) as site:
        mine = await signed_in(site, kept.give())
        await seen(site, "sign-out", mine, status=405)
        assert SECRET in await seen(site, "c/rfc/rfcs", mine)


async def test_where_nothing_is_told_without_a_token_every_page_asks_for_one(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept, "none") as site:
        for path in PAGES:
            page = Page(await seen(site, path, status=401))
            assert page.root.one("input", name="to")["value"] == path
            assert "alpha" not in page.text
        assert "alpha" in await seen(site, "c/rfc/rfcs", await signed_in(site, kept.give()))


async def test_where_all_is_told_nobody_is_asked_to_sign_in(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept, "all") as site:
        text = await seen(site, "c/rfc/rfcs")
        assert SECRET in text
        assert "sign-in" not in text


PROXY = TrustedProxy("Remote-User", ("127.0.0.1/32", "::1/128"))
STRANGE = TrustedProxy("Remote-User", ("10.0.0.0/8",))


async def test_whom_a_trusted_proxy_names_sees_what_its_token_sees(cache: Cache, kept: Kept) -> None:
    kept.give("people", owners=["other"])
    async with guarded(cache, kept, "public", PROXY, "people") as site:
        text = await seen(site, "c/rfc/rfcs", {"Remote-User": "ada@example.org"})
        assert SECRET in text
        assert "alpha" not in text
        assert "ada@example.org" in text
        async with site.session.get(f"{site.root}/api/v1/rfcs", headers={"Remote-User": "ada"}) as told:
            assert SECRET in await told.text()
            assert "private" in told.headers["Cache-Control"]
        assert SECRET not in await seen(site, "c/rfc/rfcs"), "nobody is named"
        kept.revoke("people")
        await seen(site, "c/rfc/rfcs", {"Remote-User": "ada"}, status=401)


async def test_nobody_else_is_believed(cache: Cache, kept: Kept) -> None:
    kept.give("people")
    for proxy in (None, STRANGE):
        async with guarded(cache, kept, "public", proxy, "people") as site:
            said = {"Remote-User": "ada", "X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3"}
            assert SECRET not in await seen(site, "c/rfc/rfcs", said)


async def test_a_name_that_is_none_is_refused(cache: Cache, kept: Kept) -> None:
    kept.give("people")
    async with guarded(cache, kept, "public", PROXY, "people") as site:
        await seen(site, "c/rfc/rfcs", {"Remote-User": "x" * 500}, status=401)
        assert SECRET not in await seen(site, "c/rfc/rfcs", {"Remote-User": " "}), "nobody is named"


async def test_two_names_are_refused(cache: Cache, kept: Kept) -> None:
    """One of them came from outside, past the proxy."""
    kept.give("people")
    async with guarded(cache, kept, "public", PROXY, "people") as site:
        headers = [("Remote-User", "ada"), ("Remote-User", "root")]
        async with site.session.get(f"{site.root}/console/", headers=headers) as answer:
            assert answer.status == 401


async def test_a_stream_ends_with_its_session(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        mine = await signed_in(site, kept.give())
        async with site.session.get(f"{site.root}/api/v1/events", headers=mine) as stream:
            assert b"hello" in await stream.content.readuntil(b"hello")
            await post(site, "sign-out", 303, mine)
            await cache.put(entry("later", repository_id=9))
            rest = (await stream.content.read()).decode()
        assert "refused" in rest
        assert "later" not in rest


def test_the_lifetime_is_a_working_day() -> None:
    assert timedelta(hours=12) >= LIFETIME


@pytest.mark.parametrize("path", ["", "c/rfc/rfcs", "sign-in", "sign-out"])
async def test_where_nothing_is_told_the_bar_names_no_collections(cache: Cache, kept: Kept, path: str) -> None:
    async with guarded(cache, kept, "none") as site:
        _, text = await site.answer(f"/console/{path}", status={"sign-in": 200, "sign-out": 405}.get(path, 401))
        assert 'aria-label="Collections"' not in text
        assert 'aria-label="Collections"' in await seen(site, "pulls", await signed_in(site, kept.give()))


async def test_a_form_in_a_strange_charset_opens_nothing(cache: Cache, kept: Kept) -> None:
    async with guarded(cache, kept) as site:
        sent = {"Content-Type": "application/x-www-form-urlencoded; charset=no-such"}
        url = f"{site.root}/console/sign-in"
        async with site.session.post(url, data=b"token=fg_x", headers=sent, allow_redirects=False) as answer:
            assert answer.status == 403
