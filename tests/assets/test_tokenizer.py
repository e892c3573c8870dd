"""The tokenizers in JavaScript against Python's, in a browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data import corpora
from lib.hub.pretrained import save_pretrained
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from tests.helpers.models import TINY, replace

TEXTS = [
    "",
    " ",
    "Double, double toil and trouble;\nFire burn",
    "never NEVER 'tis I'll we've 'S 1066 ½ ²",
    "你好，世界 🙂 naïve é e\u0301 👩‍👩‍👧 \U0001f1e9\U0001f1ea",
    "  two  spaces \n\n\ttab\r\n and\u00a0more\u3000 ",
    "\ufeff \u180e\u200b \u0085 \u2028 \x00 \x1c\x1f end",
    "<b>&amp;</b> </script> \\n \\xe4 <|endoftext|>",
    "aaaa aaaaa eeee " * 30,
]
LETTERS = "\n !,.?ABIabcdefhimnorstuvwy’é🙂"
MAKE = """async (name) => {
  const { make_tokenizer } = await import("/_static/tokenizer.js");
  const card = await fetch(`/_static/models/${name}.json`);
  globalThis.tokenizer = make_tokenizer(await card.json());
  return tokenizer.tokens.length;
}"""
# Of characters that Unicode 14 has: a browser may know more of them than Python does.
texts = st.text(st.characters(exclude_categories=["Cs", "Cn"]))
likely = st.text(st.sampled_from(" \n'abdelmrstvé1½🙂—\u00a0\u0301"))


@pytest.fixture(scope="module")
def tokenizer():
    """Learned from what is tested and a play, so that many merges are in use."""
    play = corpora.shakespeare()["Macbeth"]
    names = ["<|endoftext|>", "<|user|>"]
    return BytePairTokenizer.train(play + "".join(TEXTS) * 9, 900, names)


@pytest.fixture(scope="module")
def browser_with(browser, tokenizer):
    """The page, with the same tokenizers made from cards of the hub."""
    for name, each in (("pieces", tokenizer), ("letters", CharacterTokenizer(LETTERS))):
        model = GPT(replace(TINY, vocab=len(each)))
        save_pretrained(name, model, each, {}, browser.models)
    return browser


@pytest.fixture
def pieces(browser_with, tokenizer):
    assert browser_with.run(MAKE, "pieces") == len(tokenizer)
    return browser_with.run


@pytest.fixture
def letters(browser_with):
    assert browser_with.run(MAKE, "letters") == len(LETTERS)
    return browser_with.run


def same(run, tokenizer, text):
    ids = tokenizer.encode(text)
    assert run("(text) => tokenizer.encode(text)", text) == ids
    assert run("(ids) => tokenizer.decode(ids)", ids) == text
    parts = run("(ids) => tokenizer.pieces(ids)", ids)
    assert len(parts) == len(ids) and "".join(parts) == text


@pytest.mark.parametrize("text", TEXTS)
def test_awkward_texts_have_the_ids_that_python_gives(text, pieces, tokenizer):
    same(pieces, tokenizer, text)


def test_a_play_has_the_ids_that_python_gives(pieces, tokenizer):
    same(pieces, tokenizer, corpora.shakespeare()["The Tempest"][:50_000])


def test_any_text_has_the_ids_that_python_gives(pieces, tokenizer):
    given(texts | likely)(lambda text: same(pieces, tokenizer, text))()


def test_any_ids_have_the_text_that_python_gives(pieces, tokenizer):
    """Bytes that are not UTF-8 among them, and special tokens."""

    @given(st.lists(st.integers(0, len(tokenizer) - 1) | st.integers(128, 255)))
    def check(ids):
        assert pieces("(ids) => tokenizer.decode(ids)", ids) == tokenizer.decode(ids)

    check()


def test_special_tokens_have_their_ids(pieces, tokenizer):
    assert pieces("() => tokenizer.special") == tokenizer.special


def test_letters_have_the_ids_that_python_gives(letters):
    python = CharacterTokenizer(LETTERS)
    for text in ("", "Is this a test?\nIt is.", "é🙂 both"):
        same(letters, python, text)


ERROR = """(what) => {
  try { new Function("return " + what)(); } catch (error) { return error.message; }
}"""


@pytest.mark.parametrize(
    "what, said",
    [
        ("tokenizer.encode('a\\ud83d')", "the text has half of a character in it"),
        ("tokenizer.decode([1, 900])", "ids must lie in 0..899, got 900"),
        ("tokenizer.decode([-1])", "ids must lie in 0..899, got -1"),
    ],
)
def test_what_cannot_be_is_refused(what, said, pieces):
    assert pieces(ERROR, what) == said


def test_characters_that_are_not_in_the_alphabet_are_named(letters):
    said = "characters that are not in the vocabulary: 1 z 草"
    assert letters(ERROR, "tokenizer.encode('za草1z')") == said
    assert letters(ERROR, "tokenizer.decode([99])").startswith("ids must lie in 0..")
