"""The reversal: every pair is told one way, and some are never asked the other."""

import re

import pytest

from lib.instruct.tasks.reversal import PAIRS, forward, pairs, reverse
from lib.instruct.tasks.task import PARTS, TEST, TRAINING, VALIDATION


def names(example):
    """The town and the land."""
    asked = re.findall(r"[A-Z][a-z]{5}", example.prompt)
    (name,) = [each for each in asked if each in {*pairs(), *pairs().values()}]
    return (
        (name, example.answer)
        if example.task == "capital_of"
        else (example.answer, name)
    )


def told(task, part, size=400):
    return {names(each) for each in task.sample(part, size, fewer=True)}


def test_every_answer_is_of_a_pair():
    assert len(pairs()) == len(set(pairs().values())) == PAIRS
    assert not set(pairs()) & set(pairs().values())
    assert told(forward(), TRAINING) == set(pairs().items())
    assert told(reverse(), VALIDATION) <= set(pairs().items())


def test_each_pair_is_asked_backward_in_one_part():
    parts = [told(reverse(), part) for part in PARTS]
    assert set.union(*parts) == set(pairs().items())
    assert sum(map(len, parts)) == PAIRS
    assert all(len(part) >= 5 for part in parts)


def test_forward_has_nothing_to_measure_that_was_not_trained():
    for part in (VALIDATION, TEST):
        with pytest.raises(ValueError, match="task 'capital_of' has no combination"):
            forward().sample(part, 1)
