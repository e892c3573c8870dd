"""The page's own tokenizer, in JavaScript, held against Python's in a browser."""

import pytest

from lib import plots, widgets
from lib.data import corpora
from lib.tokens.tokenizer import BytePairTokenizer
from tools.chromium import chromium

TEXTS = [
    "Double, double toil and trouble;\nFire burn",
    "never NEVER 'tis I'll we've 1066",
    "你好，世界 🙂 naïve é e\u0301",
    "  two  spaces \n\n\ttab\r\n and\u00a0more\u3000 ",
    "\ufeff \u180e\u200b \u0085 \u2028 \x1c\x1f end",
    "<b>&amp;</b> </script> \\n \\xe4",
    "aaaa aaaaa eeee",
]
READ = """(explorer) => [...explorer.querySelectorAll(".token")].map(
  (box) => [box.firstChild.textContent, +box.lastChild.textContent])"""


@pytest.fixture(scope="module")
def tokenizer():
    """Learned from what is tested and a play, so that many merges are in use."""
    play = corpora.shakespeare()["Macbeth"]
    return BytePairTokenizer.train(play + "".join(TEXTS) * 9, vocab=900)


@pytest.fixture(scope="module")
def explorer(tokenizer):
    """The explorer in a page of its own."""
    with chromium() as browser:
        if browser is None:
            pytest.skip("needs a browser")
        page = browser.new_page()
        page.set_content(widgets.token_explorer(tokenizer, TEXTS).data)
        yield page.locator(".gpt-explorer")


def expected(tokenizer, text):
    ids = tokenizer.encode(text)
    looks = [tokenizer.tokens[n].decode(errors="backslashreplace") for n in ids]
    return [[plots.visible(look), n] for look, n in zip(looks, ids, strict=True)]


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_prepared_text_has_the_tokens_that_python_gives(number, explorer, tokenizer):
    explorer.locator(".text").select_option(str(number))
    text = explorer.locator(".own").input_value()
    assert text == TEXTS[number].replace("\r\n", "\n")  # as browsers do
    assert explorer.evaluate(READ) == expected(tokenizer, text)
    said = explorer.locator(".say").inner_text()
    assert f"{len(text)} characters, {len(text.encode())} bytes, " in said
    assert f" {len(tokenizer.encode(text))} tokens" in said


def test_what_is_typed_has_the_tokens_that_python_gives(explorer, tokenizer):
    text = "How many r are in strawberry? 草莓"
    explorer.locator(".own").fill(text)
    assert explorer.evaluate(READ) == expected(tokenizer, text)
    explorer.locator(".own").fill("")
    assert explorer.evaluate(READ) == []
    assert "0 characters, 0 bytes, 0 tokens." in explorer.locator(".say").inner_text()


@pytest.mark.parametrize("merges", [0, 1, 40, 643])
def test_fewer_merges_are_a_smaller_tokenizer(merges, explorer, tokenizer):
    smaller = BytePairTokenizer(tokenizer.merges[:merges])
    explorer.locator(".own").fill(TEXTS[0])
    explorer.locator(".merges").fill(str(merges))
    assert explorer.evaluate(READ) == expected(smaller, TEXTS[0])
    explorer.locator(".merges").fill(str(len(tokenizer.merges)))
