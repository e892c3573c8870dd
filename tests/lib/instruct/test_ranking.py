"""Ranking: ten replies, the true one among them, and scores that are what they say."""

import math
from dataclasses import replace

import pytest
import torch

from lib.instruct.ranking import (
    Choice,
    choices,
    first_place,
    likelihood,
    pick,
    tf_idf,
)
from lib.instruct.tasks import find_task
from lib.instruct.tasks.task import TEST, TRAINING, VALIDATION, Drawn, Task
from lib.instruct.template import Template, Turn
from lib.measure.slices import counted
from lib.model.gpt import GPT
from tests.helpers.models import TINY
from tests.helpers.scripted import PAIRS

WORDS = "ant bee cat dog eel fox gnu hen ibis jay kid lynx moth newt owl pig".split()


def draw(random, variant):
    del variant
    words = " and ".join(random.sample(WORDS, 2))
    return Drawn(f"Where are {words}?", f"Here are {words}.", words)


ECHO = Task("echo", draw, variants=("usual",))


@pytest.mark.parametrize("part", [VALIDATION, TEST])
def test_the_true_reply_is_among_ten_different_ones(part):
    found = choices(ECHO, 15, part)
    assert len(found) == 15 and found == choices(ECHO, 15, part)
    assert found != choices(ECHO, 15, part, seed=1)
    answers = {e.prompt: e.answer for e in ECHO.sample(part, 200, fewer=True)}
    for each in found:
        assert len(set(each.replies)) == len(each.replies) == 10
        assert set(each.replies) <= set(answers.values())
        assert each.replies[each.right] == answers[each.turns[-1]]


def test_the_true_reply_stands_anywhere():
    places = [each.right for each in choices(ECHO, 300, TRAINING, of=3)]
    assert {places.count(place) > 40 for place in range(3)} == {True}
    assert set(places) == {0, 1, 2}


def test_the_highest_score_is_picked():
    every = choices(ECHO, 20)

    def same_words(turns, replies):
        return [float(reply[9:-1] in turns[-1]) for reply in replies]

    assert pick(same_words, every) == counted([True] * 20)
    assert pick(lambda turns, replies: [0] * 10, every) == counted(
        [each.right == 0 for each in every]  # of equals the first
    )


def test_words_in_common_find_an_echo():
    assert pick(tf_idf(ECHO, 400), choices(ECHO, 30)).accuracy > 0.9
    score = tf_idf(ECHO, 400)
    same, half, none = score(["ant and bee"], ["ant and bee", "and bee", "xyz"])
    assert same == pytest.approx(1) and 0 < half < 1 and none == 0


@pytest.fixture
def net():
    torch.manual_seed(0)
    return GPT(replace(TINY, vocab=len(PAIRS), context=200, init_std=0.3)).eval()


def by_hand(net, turns, reply):
    """The mean log-probability of a reply and of its end, a token at a time."""
    template = Template(PAIRS)
    said = [Turn(("user", "assistant")[n % 2], text) for n, text in enumerate(turns)]
    ids = template.prompt(said)
    total, answer = 0.0, [*PAIRS.encode(reply), template.end]
    for token in answer:
        total += net(torch.tensor([ids]))[0, -1].log_softmax(-1)[token].item()
        ids.append(token)
    return total / len(answer)


@pytest.mark.parametrize("turns", [("Was it?",), ("Was it?", "No.", "And that?")])
@torch.no_grad()
def test_a_reply_scores_its_mean_log_probability(net, turns):
    replies = ["Yes.", "It was a long and winding road.", "3"]
    scores = likelihood(net, PAIRS)(turns, replies)
    expected = [by_hand(net, turns, reply) for reply in replies]
    assert scores == pytest.approx(expected, abs=1e-5)


def test_a_model_keeps_its_mode(net):
    net.train()
    likelihood(net, PAIRS)(["Was it?"], ["Yes."])
    assert net.training


def test_bad_input_is_named(net):
    with pytest.raises(ValueError, match="of must be above 1, got 1"):
        choices(ECHO, 20, of=1)
    with pytest.raises(ValueError, match=r"size must be above 0 .* got size=0"):
        choices(ECHO, 0)
    with pytest.raises(ValueError, match="have 100 different answers"):
        choices(ECHO, 20, of=100)
    with pytest.raises(ValueError, match="part must be one of"):
        choices(ECHO, 20, "odd")
    choice = Choice(("Was it?",), ("Yes.", "No."), 0)
    for scores in ([1.0], [1.0, math.nan], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="score must give 2 finite numbers"):
            first_place(lambda turns, replies, given=scores: given, choice)
    with pytest.raises(ValueError, match="at least one answer, got none"):
        pick(likelihood(net, PAIRS), [])
    with pytest.raises(ValueError, match="must fit the context, 200 tokens"):
        likelihood(net, PAIRS)(["Was it?"], ["No. " * 200])


@pytest.mark.parametrize("name", ["small_talk", "play_replies"])
def test_the_tasks_of_replies_have_choices(name):
    every = choices(find_task(name), 40)
    assert len(every) == 40 and {len(set(each.replies)) for each in every} == {10}
    assert 0.02 < pick(lambda turns, replies: [0] * 10, every).accuracy < 0.3
