"""Signing in with a token in a real Chromium, over a daemon whose repositories are private."""

from __future__ import annotations

import re

from console_browser import Visit
from console_loops import ONE_LOOP
from playwright.async_api import expect
from serving_place import META, rfc

pytestmark = ONE_LOOP


async def test_a_person_signs_in_sees_what_the_token_sees_and_signs_out(own_visit: Visit) -> None:
    """The form goes through the browser's own rules: its policy, its cookies, what it tells of where a form is."""
    await own_visit.place.forge.set_private(META, True)
    await own_visit.daemon.sweep(deep=True)
    token = (await own_visit.place.command("token", "create", "ada", "--owner", "acme")).out.strip()
    page = await own_visit.open("c/rfc/rfcs?state=withdrawn")
    await expect(page.locator("main")).not_to_contain_text("slow-reads")
    await page.get_by_role("link", name="Sign in").click()
    field = page.get_by_label("Token")
    await expect(field).to_be_focused()
    assert await own_visit.serious(page) == []
    await own_visit.shot(page, "sign-in")
    await field.fill("fg_nobody")
    await field.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("not known")
    await page.get_by_label("Token").fill(token)
    await page.get_by_label("Token").press("Enter")
    await expect(page).to_have_url(re.compile(r"/console/c/rfc/rfcs\?state=withdrawn$"))
    await expect(page.locator("main")).to_contain_text("slow-reads")
    await expect(page.locator(".who")).to_contain_text("ada")
    await own_visit.shot(page, "signed-in")
    (cookie,) = await own_visit.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert "forgeglass" not in await page.evaluate("document.cookie")

    # what changes is told to who is signed in
    await page.locator('#stream[data-state="live"]').wait_for()
    await own_visit.place.push(later=rfc("It came later", "withdrawn"))
    await own_visit.daemon.sweep(deep=True)
    await expect(page.locator("main")).to_contain_text("It came later")

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    await page.go_back()
    await expect(page.locator("main")).not_to_contain_text("slow-reads")
    assert await own_visit.context.cookies() == []
    assert [one for one in own_visit.complaints if "403" not in one] == []


async def test_revoking_a_token_ends_what_is_open_in_a_browser(own_visit: Visit) -> None:
    await own_visit.place.forge.set_private(META, True)
    await own_visit.daemon.sweep(deep=True)
    token = (await own_visit.place.command("token", "create", "ada")).out.strip()
    page = await own_visit.open("sign-in")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".who")).to_contain_text("ada")
    await page.goto(f"{own_visit.daemon.url}/console/c/rfc/rfcs")
    await expect(page.locator("main")).to_contain_text("slow-reads")
    await page.locator('#stream[data-state="live"]').wait_for()
    assert (await own_visit.place.command("token", "revoke", "ada")).code == 0
    # the stream tells the page with the next thing that happens
    await own_visit.place.push(later=rfc("It came later"))
    await own_visit.daemon.sweep(deep=True)
    await expect(page.get_by_role("alert")).to_contain_text("has ended")
    await expect(page.locator("main")).not_to_contain_text("slow-reads")
    await page.goto(f"{own_visit.daemon.url}/console/c/rfc/rfcs")
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    await expect(page.locator("main")).not_to_contain_text("slow-reads")
