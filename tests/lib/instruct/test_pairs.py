"""Pairs: keys and values by turns, the loss at the values, a reply from the prompt."""

import pytest
import torch

from lib.instruct.evaluate import evaluate
from lib.instruct.pairs import PairGPT
from lib.instruct.small import learn
from lib.instruct.tasks.in_context import KEYS, VALUES, in_a_row, lookup
from lib.instruct.tasks.task import TRAINING, VALIDATION, Example

ROWS = [
    Example("rows", (in_a_row([("a", "3"), ("b", "1")], "a"),), "3", ""),
    Example("rows", (in_a_row([("c", "5"), ("c", "5")], "d"),), "7", ""),
]


@pytest.fixture
def gpt():
    return PairGPT([*KEYS, *VALUES])


def test_a_row_by_hand(gpt):
    ((ids, targets),) = gpt.batches(ROWS)
    words = [[gpt.tokenizer.tokens[id] for id in row] for row in ids.tolist()]
    assert words == [list("a3b1a"), list("c5c5d")]
    three, one = (gpt.tokenizer.ids[value] for value in "31")
    assert targets[0].tolist() == [three, -1, one, -1, three]


def test_rows_of_a_batch_are_equally_long(gpt):
    short = Example("rows", (in_a_row([], "a"),), "3", "")
    with pytest.raises(ValueError, match=r"as many pairs, got \[1, 3\]"):
        list(gpt.batches([*ROWS, short]))
    assert [len(ids) for ids, _ in gpt.batches([*ROWS, short], 2)] == [2, 1]


def test_unknown_words_are_named(gpt):
    with pytest.raises(ValueError, match=r"known words, got \['z'\]"):
        gpt.replies([["a -> 3; z ->"]])


def test_what_is_learned_is_replied_and_counted(gpt):
    learn(gpt.model, list(gpt.batches(ROWS)) * 40, 40)
    assert gpt.replies([ROWS[0].turns, ROWS[1].turns]) == ["3", "7"]
    assert gpt.by_shown(ROWS) == [1, 1, 1]
    wrong = ROWS[1]._replace(answer="8")
    assert gpt.by_shown([ROWS[0], wrong]) == [1, 1, 0.5]


def test_it_answers_the_same_questions_as_any_model(gpt):
    (score,) = evaluate({"tiny": gpt}, [lookup(3)], 60, baselines=0)
    asked = lookup(3).sample(VALIDATION, 60)
    assert score.result.accuracy == pytest.approx(gpt.by_shown(asked)[-1])


def test_vectors_stand_still_and_have_one_length():
    vectors = {key: torch.randn(32) * (1 + n) for n, key in enumerate(KEYS)}
    gpt = PairGPT([*KEYS, *VALUES], vectors=vectors)
    table = gpt.model.embed.tokens.weight
    before = table.clone()
    learn(gpt.model, gpt.batches(lookup(2).examples(TRAINING), 8), 2)
    assert table.equal(before)
    for key, vector in vectors.items():
        row = table[gpt.tokenizer.ids[key]]
        assert row.norm().item() == pytest.approx(32**0.5, rel=1e-4)
        cosine = torch.nn.functional.cosine_similarity(row, vector, dim=0)
        assert cosine.item() == pytest.approx(1, abs=1e-5)


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"one length, got \[4, 8\]"):
        PairGPT("ab", vectors={"a": torch.ones(4), "b": torch.ones(8)})
    with pytest.raises(ValueError, match=r"one length, got \[\]"):
        PairGPT("ab", vectors={})
    with pytest.raises(ValueError, match=r"words that it knows, got \['z'\]"):
        PairGPT("ab", vectors={"z": torch.ones(8)})


def test_a_talk_of_several_turns_is_refused(gpt):
    with pytest.raises(ValueError, match="must be one prompt"):
        gpt.replies([["a -> 3; a ->", "3", "b ->"]])
