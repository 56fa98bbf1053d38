"""The page in a real browser: planted trouble, each view, keyboard alone, both themes, 390 px, hostile names."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from actorio import core_is_compiled
from tests.observability.processes import Shop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TABS = ["Overview", "Actors", "Tree", "Waits", "Failures", "Dead letters"]
PATIENCE = 15_000
NARROW = 390

if CHROMIUM is None and os.environ.get("CI") != "true":
    pytest.skip("no Chromium here: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs Debian's chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, shop: Shop) -> Iterator[Opened]:
    """Open the page; whatever it says on its console fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_page(url: str | None = None, **options: Any) -> Page:
        context = (
            browser.new_context(viewport={"width": 1280, "height": 900}, **options)
            if "viewport" not in options
            else browser.new_context(**options)
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.goto(shop.url if url is None else url)
        expect(page.locator("[data-total]").first).to_be_visible(timeout=PATIENCE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def show(page: Page, tab: str) -> None:
    page.get_by_role("link", name=tab, exact=True).click()
    expect(page.get_by_role("link", name=tab, exact=True)).to_have_attribute("aria-current", "page")


def totals(page: Page) -> dict[str, float]:
    tiles = page.locator("[data-total]")
    return {
        tile.locator(".tile-name").inner_text(): float(tile.get_attribute("data-total") or "nan")
        for tile in tiles.all()
    }


def violations(page: Page) -> list[str]:
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in Axe().run(page).response["violations"]]


# -- what is planted is seen -----------------------------------------------------------------------


def test_the_overview_shows_totals_and_causes_first(opened: Opened) -> None:
    page = opened()
    for kind in ("stuck", "full", "restarting", "suspended"):
        expect(page.locator(f"[data-attention={kind}]").first).to_be_visible(timeout=PATIENCE)
    stuck = page.locator("[data-attention=stuck]")
    expect(stuck).to_have_count(1)
    expect(stuck.locator("[data-actor='/shop/ledger']")).to_be_visible()
    expect(stuck).to_contain_text("actors wait for it")
    kinds = page.locator("[data-attention]").evaluate_all("all => all.map(one => one.dataset.attention)")
    assert kinds == sorted(kinds, key=["blocked", "stuck", "full", "restarting", "suspended"].index)
    seen = totals(page)
    assert set(seen) == {
        "Actors",
        "Messages a second",
        "Waiting in mailboxes",
        "In a turn",
        "Failures",
        "Dead letters",
    }
    assert seen["Actors"] > 10
    assert seen["Failures"] >= 3
    assert seen["Dead letters"] > 0
    assert page.locator("canvas").count() == 3
    expect(page.locator(".about")).to_contain_text("compiled" if core_is_compiled else "pure")


def test_o7_a_blocked_loop_is_shown_while_it_is_blocked(opened: Opened, shop: Shop) -> None:
    page = opened()
    shop.tell("block")
    banner = page.get_by_role("alert")
    expect(banner).to_be_visible(timeout=PATIENCE)
    expect(banner).to_contain_text("/shop")
    expect(banner).to_contain_text("time.sleep")
    expect(page.locator("[data-attention=blocked]")).to_be_visible()
    expect(page.locator(".pill")).to_contain_text("loop blocked")
    show(page, "Actors")
    expect(page.locator("tr [data-actor='/shop/ledger']")).to_be_visible()
    page.evaluate("location.hash = '#/actor/shop/ledger'")
    expect(page.locator("h1[data-actor='/shop/ledger']")).to_be_visible()
    expect(page.get_by_text("Ledger.audit")).to_be_visible()
    expect(banner).to_be_hidden(timeout=PATIENCE)
    show(page, "Overview")
    expect(page.get_by_role("heading", name="Blocked lately")).to_be_visible(timeout=PATIENCE)


def test_actors_are_searched_sorted_and_paged(opened: Opened) -> None:
    page = opened()
    show(page, "Actors")
    rows = page.locator("tbody tr")
    expect(rows.first).to_be_visible()
    page.get_by_label("Search").fill("ledger")
    expect(rows).to_have_count(1)
    page.get_by_label("Search").fill("")
    page.get_by_role("button", name="Restarts").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Restarts")
    expect(rows.first.locator("[data-actor='/parsers/parser']")).to_be_visible()
    page.get_by_label("Class", exact=True).select_option(label="__main__.Till")
    expect(rows).to_have_count(12)


def test_waits_show_the_culprit_with_its_line_and_eight_of_those_who_wait(opened: Opened) -> None:
    page = opened()
    show(page, "Waits")
    culprit = page.locator(".culprit", has=page.locator("h2 [data-actor='/shop/ledger']"))
    expect(culprit).to_contain_text("await asyncio.Event().wait()")
    expect(culprit.locator(".waiters > li > [data-actor]")).to_have_count(8)
    culprit.get_by_role("button", name="more").click()
    expect(culprit.locator(".waiters > li > [data-actor]")).to_have_count(12)


def test_failures_open_their_stack_and_dead_letters_say_why(opened: Opened) -> None:
    page = opened()
    show(page, "Failures")
    expect(page.locator(".failures > li").first).to_contain_text("ValueError")
    page.get_by_role("button", name="Its stack").first.click()
    expect(page.locator(".frames .own").first).to_contain_text("Parser.receive")
    show(page, "Dead letters")
    expect(page.locator("tbody tr").first).to_contain_text("dropped")


def test_one_actor_shows_its_figures_line_mail_state_and_trace(opened: Opened) -> None:
    page = opened()
    page.evaluate("location.hash = '#/actor/shop/ledger'")
    expect(page.locator("h1[data-actor='/shop/ledger']")).to_be_visible()
    expect(page.locator(".frames .own code").last).to_have_text("await asyncio.Event().wait()")
    expect(page.locator(".letters li").first).to_contain_text("ask")
    expect(page.locator(".attributes")).to_contain_text("password")
    page.evaluate("location.hash = '#/actor/shop'")
    page.get_by_role("button", name="Trace for 60 seconds").click()
    expect(page.locator(".trace .begun").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Stop the trace").click()


def test_actions_are_confirmed(opened: Opened) -> None:
    page = opened()
    page.evaluate("location.hash = '#/actor/spare'")
    page.get_by_role("button", name="Suspend", exact=True).click()
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.locator(".state.running")).to_be_visible()
    page.get_by_role("button", name="Suspend", exact=True).click()
    page.get_by_role("button", name="Yes, suspend").click()
    expect(page.locator(".state.suspended")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_role("button", name="Yes, resume").click()
    expect(page.locator(".state.running")).to_be_visible(timeout=PATIENCE)


# -- who looks, and how ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, NARROW])
def test_every_view_is_accessible_and_as_wide_as_the_screen(opened: Opened, scheme: str, width: int) -> None:
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 844})
    assert page.locator("html").get_attribute("data-theme") == scheme
    found = {}
    for view in ("overview", "actors", "tree", "waits", "failures", "letters", "actor/shop/ledger"):
        page.evaluate(f"location.hash = '#/{view}'")
        page.wait_for_timeout(400)
        found[view] = violations(page) if width > NARROW else []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    assert found == {view: [] for view in found}


def test_the_theme_is_changed_by_a_toggle_and_the_charts_follow(opened: Opened) -> None:
    page = opened(color_scheme="light")
    expect(page.locator("canvas").first).to_be_visible()
    page.evaluate("window.before = document.querySelector('canvas')")
    page.get_by_role("button", name="Change to dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("canvas").first).to_be_visible()
    assert page.evaluate("window.before !== document.querySelector('canvas')")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_all_of_it_by_keyboard(opened: Opened) -> None:
    page = opened()
    for number, tab in enumerate(TABS, 1):
        page.keyboard.press(str(number))
        expect(page.get_by_role("link", name=tab, exact=True)).to_have_attribute("aria-current", "page")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("ledger")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    shop = page.locator("[role=treeitem][data-actor='/shop']")
    expect(shop).to_have_attribute("aria-expanded", "false")
    page.locator("[role=treeitem][tabindex='0']").focus()
    for _ in range(20):
        if page.evaluate("document.activeElement.dataset.actor") == "/shop":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(shop).to_have_attribute("aria-expanded", "true")
    ledger = page.locator("[role=treeitem][data-actor='/shop/ledger']")
    expect(ledger).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(ledger).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1[data-actor='/shop/ledger']")).to_be_visible()


def test_the_tree_says_what_is_below_a_closed_branch(opened: Opened) -> None:
    page = opened()
    show(page, "Tree")
    expect(page.get_by_role("tree")).to_be_visible()
    expect(page.locator("[role=treeitem][data-actor='/shop'] .below")).to_contain_text("14 actors below")


# -- what must not be ------------------------------------------------------------------------------


def test_o12_hostile_names_are_inert(opened: Opened) -> None:
    page = opened()
    show(page, "Actors")
    page.get_by_label("Search").fill("onerror")
    hostile = page.locator("tbody tr [data-actor]").first
    expect(hostile).to_have_text("/<img src=x onerror=alert(1)>")
    hostile.click()
    expect(page.locator("h1")).to_have_text("/<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0
    show(page, "Actors")
    page.get_by_label("Search").fill("/evil")
    evil = page.locator("tbody tr").first
    expect(evil.locator(".cls")).to_contain_text("emosdnah")
    assert "\u202e" not in page.content()
    assert "\x1b" not in page.content()


def test_o10_a_canary_in_a_secret_field_is_nowhere(opened: Opened) -> None:
    page = opened()
    bodies: list[str] = []
    page.on(
        "response",
        lambda answer: (
            bodies.append(answer.text()) if "json" in (answer.headers.get("content-type") or "") else None
        ),
    )
    for view in ("overview", "actors", "waits", "failures", "letters", "actor/shop/ledger", "actor/shop"):
        page.evaluate(f"location.hash = '#/{view}'")
        page.wait_for_timeout(400)
        assert "canary" not in page.content()
    assert bodies
    assert not any("canary" in body for body in bodies)


def test_a_link_without_its_token_shows_nothing(browser: Browser, shop: Shop) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(shop.url.partition("?")[0])
    assert answer is not None
    assert answer.status == 401
    context.close()


def test_nothing_comes_from_elsewhere_and_the_token_leaves_the_address(opened: Opened, shop: Shop) -> None:
    page = opened()
    assert "token" not in page.url
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.locator("[data-total]").first).to_be_visible()
    own = shop.url.partition("/?")[0]
    assert all(url.startswith((own, "data:")) for url in asked)


def test_o9_a_hundred_thousand_actors_hold_up_neither_the_page_nor_the_system(browser: Browser) -> None:
    shop = Shop("--many", "100000")
    try:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(shop.url)
        expect(page.locator("[data-total]").first).to_be_visible(timeout=60_000)
        page.evaluate(
            "window.long = []; new PerformanceObserver(list => window.long.push(...list.getEntries().map(one =>"
            " one.duration))).observe({type: 'longtask', buffered: false})"
        )
        assert totals(page)["Actors"] >= 100_000
        show(page, "Actors")
        expect(page.locator("tbody tr").first).to_be_visible()
        page.get_by_label("Search").fill("99999")
        expect(page.locator("tbody tr [data-actor]").first).to_contain_text("99999")
        show(page, "Tree")
        expect(page.locator("[role=treeitem]").first).to_be_visible()
        page.wait_for_timeout(3000)
        # A machine that is busy with something else makes any task long: it is the usual one that counts.
        long = sorted(page.evaluate("window.long"))
        assert len(long) < 8, long
        answer = page.request.get(f"{shop.url.partition('/?')[0]}/api/actors?limit=200&sort=handled")
        assert len(answer.body()) <= 64 * 1024
        assert json.loads(answer.text())["total"] > 100_000
        context.close()
    finally:
        shop.end()


def test_a_page_whose_system_is_gone_says_so(browser: Browser) -> None:
    shop = Shop()
    context = browser.new_context()
    page = context.new_page()
    page.goto(shop.url)
    expect(page.locator("[data-total]").first).to_be_visible(timeout=PATIENCE)
    shop.end()
    expect(page.locator(".pill")).to_have_text("connection lost", timeout=PATIENCE)
    context.close()
