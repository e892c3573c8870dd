"""Small: tiny GPTs learn what they are shown, from the answers alone."""

from itertools import islice

import pytest
import torch

from lib.instruct.answers import Answers, conversation
from lib.instruct.small import (
    CONTEXT,
    learn,
    rows_right,
    task_batches,
    task_tokenizer,
    tiny_gpt,
)
from lib.instruct.tasks.order import WORDS, order
from lib.instruct.tasks.task import TRAINING, Example
from lib.instruct.template import Template

FACTS = [
    Example("facts", ("Which color has grass?",), "green", "a"),
    Example("facts", ("Snow?", "white", "Which color has coal?"), "black", "b"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return task_tokenizer([order()])


def test_each_word_of_a_task_becomes_one_token(tokenizer):
    assert all(len(tokenizer.encode(f" {word}")) == 1 for word in WORDS)
    assert Template(tokenizer).end == tokenizer.special["<|end|>"]
    with pytest.raises(ValueError, match="tasks must hold at least one"):
        task_tokenizer([])


def test_fewer_tokens_spell_the_words():
    few = task_tokenizer([order()], 280)
    assert len(few) == 280
    assert max(len(few.encode(f" {word}")) for word in WORDS) > 1


def test_batches_are_the_templates_examples_padded_with_no_target(tokenizer):
    template = Template(tokenizer)
    batches = list(task_batches(tokenizer, FACTS * 2, 3))
    assert [len(ids) for ids, _ in batches] == [3, 1]
    (ids, targets), _ = batches
    for row, example in enumerate([*FACTS, FACTS[0]]):
        alone = template.lesson(conversation(example), CONTEXT)
        size = len(alone.ids)
        assert ids[row, :size].equal(alone.ids)
        assert targets[row, :size].equal(alone.targets)
        assert (targets[row, size:] == -1).all()
    with pytest.raises(ValueError, match="batch must be above 0, got 0"):
        task_batches(tokenizer, FACTS, 0)


def test_what_is_learned_is_replied_and_counted_as_right(tokenizer):
    model = tiny_gpt(len(tokenizer), width=32)
    batches = list(task_batches(tokenizer, FACTS, 2))
    assert rows_right(model, batches) == [False, False]
    history = learn(model, batches * 40, 40)
    assert len(history.losses) == 40 and history.losses[-1] < 0.1
    assert rows_right(model, batches) == [True, True]
    said = Answers(model, tokenizer).replies([each.turns for each in FACTS])
    assert said == ["green", "black"]


def test_a_row_is_right_when_every_target_of_it_is(tokenizer):
    model = tiny_gpt(len(tokenizer), width=16)
    ((ids, _),) = task_batches(tokenizer, FACTS, 2)
    likely = model.eval()(ids).argmax(-1)
    assert rows_right(model, [(ids, likely)]) == [True, True]
    likely[1, 3] += 1
    assert rows_right(model, [(ids, likely)]) == [True, False]
    likely[1, 3] = -1
    assert rows_right(model, [(ids, likely)]) == [True, True]
    with pytest.raises(ValueError, match="batches must hold at least one"):
        rows_right(model, [])


def test_a_seed_gives_the_same_model_again():
    first, again, other = (tiny_gpt(300, seed) for seed in (0, 0, 1))
    weights = [next(model.parameters()) for model in (first, again, other)]
    assert weights[0].equal(weights[1]) and not weights[0].equal(weights[2])
    sizes = sum(w.numel() for w in first.blocks.parameters())
    assert sizes == pytest.approx(66_000, rel=0.01)


def test_batches_are_new_in_every_step(tokenizer):
    batches = task_batches(tokenizer, order().examples(TRAINING), 8)
    one, other = islice(batches, 2)
    assert one[0].shape != other[0].shape or not torch.equal(one[0], other[0])
