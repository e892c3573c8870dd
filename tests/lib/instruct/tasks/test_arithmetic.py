"""Arithmetic: the steps lead to the answer, and the answer is right."""

from itertools import islice

import pytest

from lib.instruct.tasks.arithmetic import arithmetic, arithmetic_unaided
from lib.instruct.tasks.task import NEW_WORDING, PARTS, TRAINING
from lib.instruct.tools import answer_call


@pytest.mark.parametrize("part", PARTS)
def test_the_call_gives_the_answer(part):
    for example in islice(arithmetic().examples(part), 50):
        asked, told = example.steps
        (question,) = example.turns
        expression = asked.text.removeprefix("calculator(").removesuffix(")")
        assert expression in question and (asked.role, told.role) == (
            "assistant",
            "tool",
        )
        assert answer_call(asked.text) == told.text == example.answer
        assert int(example.answer) == eval(expression)


def test_unaided_there_is_no_step():
    examples = list(islice(arithmetic_unaided().examples(TRAINING), 50))
    assert {example.steps for example in examples} == {()}
    assert len({example.answer for example in examples}) > 40


def test_new_wordings_are_not_trained():
    def first(words):
        return {text.turns[0].split()[0] for text in islice(words, 50)}

    learned = first(arithmetic().examples(TRAINING))
    asked = first(arithmetic().examples("validation", variant=NEW_WORDING))
    assert learned == {"What", "How"} and asked == {"Work", "Tell"}
