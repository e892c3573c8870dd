"""The text that a model writes in the page, as a reader works with it."""

import re
from dataclasses import replace

import pytest

from lib.hub.pretrained import load_gpt
from lib.widgets.writer import depth, generation_explorer
from tests.helpers.models import TINY
from tests.helpers.models_on_disk import pairs, write_gpt

TEXT = "she sells sea shells by the sea shore, and the shells she sells are “sure” "
PROMPT = "she sells "
PAGE = "<!doctype html><html lang='en'{}><title>a</title><body>{}</body></html>"
ON_SITE = " data-content_root='./'"


@pytest.fixture(scope="module")
def widget(browser):
    """The widget as a notebook stores it; it writes a letter at a time at most."""
    write_gpt("pairs", browser.models, replace(TINY, context=64), pairs(TEXT * 3, 290))
    return generation_explorer("pairs", PROMPT, 9, folder=browser.models).data


@pytest.fixture
def site(browser, widget):
    """The widget on a page of the site, opened anew."""
    return open_page(browser, widget, ON_SITE)


def open_page(browser, widget, attributes):
    (browser.root / "w.html").write_text(PAGE.format(attributes, widget), "utf-8")
    browser.page.goto(f"{browser.address}w.html")
    return browser.page.locator(".writer")


@pytest.fixture
def awake(site):
    """Awake, with its first text written."""
    site.locator(".wake").click()
    ended(site)
    return site


def ended(root, turn=1):
    """Wait for the end of a text: the first, or that of a later turn."""
    root.page.locator(f".writer[data-written='{turn}']").wait_for(timeout=60_000)
    said = root.locator(".awake").inner_text()
    assert said in ("The model has paused.", "The model has ended its text.")


def choose(root, at):
    root.locator(".written .token").nth(at).click()


def test_it_asks_for_the_model_only_when_it_is_told_to(browser, site):
    asked = len(browser.asked)
    site.page.wait_for_timeout(300)
    assert site.locator(".wake").inner_text() == "Wake the model, 0.0 MB"
    assert not [path for path in browser.asked[asked:] if "_static" in path]
    assert site.locator(".written").inner_text().startswith(PROMPT)


def test_a_notebook_says_where_it_runs(browser, widget):
    root = open_page(browser, widget, "")
    assert "on the book's site" in root.locator(".awake").inner_text()
    assert not root.locator(".wake").is_visible()


def test_from_disk_it_says_why_not(browser, widget):
    (browser.root / "w.html").write_text(PAGE.format(ON_SITE, widget), "utf-8")
    page = browser.page.context.browser.new_page()
    page.goto((browser.root / "w.html").as_uri())
    assert "Opened from disk" in page.locator(".writer .awake").inner_text()
    assert not page.locator(".writer .wake").is_visible()
    page.close()


def test_without_scripts_the_stored_text_stands(browser, widget, site):
    context = browser.page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{browser.address}w.html")
    assert page.locator(".written").inner_text().startswith(PROMPT)
    assert page.locator(".written span").count() > 0
    assert "This is a stored text" in page.locator(".awake").inner_text()
    assert not page.locator(".wake").is_visible()
    context.close()


def test_a_model_that_does_not_come_is_said_and_can_be_asked_again(browser, site):
    browser.page.route("**/pairs.safetensors?*", lambda route: route.abort())
    site.locator(".wake").click()
    site.locator(".awake").filter(has_text="could not be loaded").wait_for()
    assert site.locator(".written").inner_text().startswith(PROMPT)
    browser.page.unroute("**/pairs.safetensors?*")
    site.locator(".wake").click()
    ended(site)


def test_it_writes_and_shades_by_probability(awake, browser):
    tokens = awake.locator(".written .token:not(.given)")
    assert tokens.count() > 0
    assert awake.locator(".written").inner_text().startswith(PROMPT)
    for at in (0, tokens.count() - 1):
        tokens.nth(at).click()
        said = awake.locator(".choice button:disabled span").inner_text()
        share = float(re.match(r"(?:under )?(\d+)", said)[1]) / 100
        percent = tokens.nth(at).evaluate("e => e.style.getPropertyValue('--depth')")
        least, most = depth(min(1.0, share + 0.005)), depth(max(0.0, share - 0.005))
        assert said.startswith("under") or least <= int(percent[:-1]) <= most


def test_another_token_is_taken_and_the_text_goes_on_from_there(awake, browser):
    tokenizer = load_gpt("pairs", browser.models).tokenizer
    given = len(tokenizer.encode(PROMPT))
    choose(awake, given + 1)
    pieces = awake.locator(".written span").all_inner_texts()
    other = awake.locator(".choice button:not(:disabled)").first
    label = other.get_attribute("aria-label")
    assert re.match(r"take “.*”: the model gave it .*, the settings left ", label, re.S)
    taken = re.match(r"take “(.*)”: the model", label, re.S)[1]
    other.click()
    assert awake.locator(".place").evaluate("e => e === document.activeElement")
    ended(awake, 2)
    now = awake.locator(".written span").all_inner_texts()
    assert now[: given + 1] == pieces[: given + 1] and now[given + 1] == taken
    assert len(now) > given + 2
    choose(awake, given + 1)  # it is shaded as any other, with the same list
    assert "given" not in awake.locator(".chosen").get_attribute("class")
    label = awake.locator(".choice button:disabled").get_attribute("aria-label")
    assert label.startswith(f"taken: “{taken}”")


def test_the_keyboard_reaches_every_token(awake, browser):
    place = awake.locator(".place")
    place.focus()
    for key, at in (("Home", "first"), ("End", "last")):
        place.press(key)
        shown = getattr(awake.locator(".written .token:not(.given)"), at)
        assert "chosen" in shown.get_attribute("class")
        text = shown.evaluate("e => e.textContent")
        assert place.get_attribute("aria-valuetext").startswith(f"“{text}”, ")
        assert f"is “{text}”, " in awake.locator(".say").text_content()
    assert awake.locator(".choice button").count() == 8


def test_settings_are_said_in_words(awake):
    heard = {}
    for name in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty"):
        heard[name] = awake.locator(f".{name}").get_attribute("aria-valuetext")
    assert heard == {
        "temperature": "0.8",
        "top_k": "off",
        "top_p": "off",
        "min_p": "0.05",
        "repetition_penalty": "off",
    }
    awake.locator(".top_k").fill("1")
    assert awake.locator(".top_k").get_attribute("aria-valuetext") == "1"
    assert awake.locator(".top_k + output").inner_text() == "1"


def test_settings_and_prompt_are_those_of_the_next_text(awake):
    awake.locator(".top_k").fill("1")
    awake.locator(".prompt").fill("the sea ")
    awake.locator(".begin").click()
    ended(awake, 2)
    said = awake.locator(".say").inner_text()
    many, first = map(int, re.match(r"(\d+) tokens; (\d+) of them", said).groups())
    assert many == first > 0  # with one token to choose from each is the likeliest
    assert awake.locator(".written").text_content().startswith("the sea ")
    awake.locator(".on").click()
    ended(awake, 3)
    more = int(re.match(r"(\d+) tokens", awake.locator(".say").inner_text())[1])
    assert more > many


def test_it_stops_when_it_is_told_to(awake):
    awake.locator(".top_k").fill("1")
    awake.locator(".begin").click()
    awake.locator(".stop").click()
    ended(awake, 2)
    assert awake.locator(".written .token:not(.given)").count() < 79


def test_an_empty_prompt_is_refused_in_words(awake):
    awake.locator(".prompt").fill("")
    awake.locator(".begin").click()
    said = "Nothing is written: the model needs at least one character to begin with."
    awake.locator(".awake").filter(has_text=said).wait_for()
