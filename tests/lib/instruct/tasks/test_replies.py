"""Replies: who answers whom, and no play and no question in two parts."""

import pytest

from lib.data import corpora
from lib.data.corpora import Exchange
from lib.hub.pretrained import load_gpt
from lib.instruct.tasks.replies import (
    exchanges,
    part_of_play,
    play_exchanges,
    play_replies,
    question,
    small_talk,
)
from lib.instruct.tasks.task import TEST, TRAINING, VALIDATION, Drawn, part_of
from lib.instruct.template import Template, Turn

LONG = "No, " * 100
PLAY = (
    "ACT I\n\nSCENE I. Here.\n\nANN:\nWho?\n\nTOM:\nI,\nTom.\n\n[Enter]\n\nANN:\nOh.\n"
    f"\nSCENE II. There.\n\nTOM:\nWho?\n\nANN:\nI, Tom.\n\nTOM:\n{LONG}\n\nTOM:\nNo.\n"
)


@pytest.fixture
def fresh():
    """Nothing is kept of what was read, before and after."""
    for read in (exchanges, play_exchanges):
        read.cache_clear()
    yield
    for read in (exchanges, play_exchanges):
        read.cache_clear()


def test_a_speech_answers_the_one_before_it(fresh, monkeypatch):
    monkeypatch.setattr(corpora, "shakespeare", lambda: {"A": PLAY, "B": PLAY})
    assert play_exchanges() == [
        Drawn("Who?", "I, Tom.", "A"),
        Drawn("I, Tom.", "Oh.", "A"),
    ]


def test_small_talk_has_no_programs(fresh, monkeypatch):
    talk = [Exchange("Hi!", "Hello.", "greetings"), Exchange("Sort?", "x", "coding")]
    monkeypatch.setattr(corpora, "dialogue", lambda: talk)
    assert exchanges() == [Drawn("Hi!", "Hello.", "hi")]


def test_a_question_is_its_words():
    assert question("Who's UP, then?") == question("who's up then")
    assert question("who") != question("who is")


def test_a_play_has_one_part():
    plays = corpora.shakespeare()
    parts = {title: part_of_play(title) for title in plays}
    assert sorted(parts.values()).count(TRAINING) == 33
    assert [t for t in plays if parts[t] == TEST] == ["Macbeth", "The Tempest"]
    measured = [title for title in plays if parts[title] == VALIDATION]
    assert measured == ["As You Like It", "King Lear", "Richard III"]
    for part in (TEST, VALIDATION):
        for example in play_replies().sample(part, 50):
            assert parts[example.combination] == part
            play = plays[example.combination]
            assert example.answer.split(" ")[0] in play


def test_the_parts_are_as_large_as_the_page_of_data_says():
    talk = [part_of(each.combination) for each in exchanges()]
    assert [talk.count(part) for part in (TRAINING, VALIDATION, TEST)] == [887, 92, 100]
    plays = [part_of_play(each.combination) for each in play_exchanges()]
    assert [plays.count(part) for part in (TRAINING, VALIDATION, TEST)] == [
        21_065,
        2_332,
        976,
    ]


def test_an_exchange_has_at_most_250_tokens_of_the_review_gpt():
    template = Template(load_gpt("review_gpt").tokenizer)
    for task in (small_talk(), play_replies()):
        for each in task.sample(TRAINING, 500):
            turns = [Turn("user", each.prompt), Turn("assistant", each.answer)]
            assert len(template.encode(turns)) <= 250
