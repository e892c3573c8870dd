"""Extraction: what is asked for stands in the text, and new names are new."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.extraction import (
    FIRST,
    LAST,
    NEW_FIRST,
    NEW_LAST,
    NEW_NAMES,
    NEW_TEXT,
    PLACES,
    Found,
    by_rule,
    extraction,
    extraction_made_up,
)
from lib.instruct.tasks.task import NEW_WORDING, TRAINING, USUAL, VALIDATION

MAKE = pytest.mark.parametrize("make", [extraction, extraction_made_up])
CAPITAL = r"\b[A-Z][a-z]+\b"


def read(text):
    """The name, date and place, found without a look at how texts are built."""
    (place,) = {*re.findall(CAPITAL, text)} & {*PLACES}
    (date,) = re.findall(r"\d+ [A-Z]\w+ \d{4}", text)
    names = re.findall(
        rf"{CAPITAL} {CAPITAL}", text.replace(date, "").replace("In ", "")
    )
    (name,) = names
    return Found(name, date, place)


@MAKE
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    variant=st.sampled_from([USUAL, NEW_WORDING, NEW_TEXT, NEW_NAMES]),
)
def test_the_answer_is_what_the_text_gives(make, seed, variant):
    example = next(make().examples(VALIDATION, seed, variant))
    question, text = re.split(r"(?<=[.?]) ", example.prompt, maxsplit=1)
    found = read(text)
    wanted = {
        r"Who|Which person|the name\.": found.name,
        r"When|Which day|the date\.": found.date,
        r"Where|Which town|the place\.": found.place,
        r"date and|date,|List": "; ".join(found),
    }
    (answer,) = [text for key, text in wanted.items() if re.search(key, question)]
    assert example.answer == answer
    assert example.combination == f"{found.name} of {found.place}"


@MAKE
def test_regular_expressions_find_all(make):
    task = make()
    rule = task.baselines["regular expression"]([])
    for variant in task.variants:
        for example in task.sample(VALIDATION, 60, variant=variant):
            assert rule(example.prompt) == example.answer


def test_a_rule_finds_nothing_where_nothing_is():
    assert by_rule("it rained all day.") == Found("", "", "")


def test_new_names_are_of_no_training_text():
    assert not {*FIRST, *LAST} & {*NEW_FIRST, *NEW_LAST}
    trained = " ".join(each.prompt for each in extraction().sample(TRAINING, 600))
    assert not {*re.findall(CAPITAL, trained)} & {*NEW_FIRST, *NEW_LAST}
    new = extraction().sample(VALIDATION, 40, variant=NEW_NAMES)
    for example in new:
        assert {*re.findall(CAPITAL, example.prompt)} & {*NEW_FIRST}


def test_names_and_places_that_are_measured_are_trained_in_other_mixes():
    def parts(part, size):
        examples = extraction().sample(part, size)
        return {word for each in examples for word in each.combination.split()}

    assert parts(VALIDATION, 100) <= parts(TRAINING, 1_000)


def test_made_up_names_hardly_ever_come_twice():
    names = [
        e.combination.split(" of ")[0]
        for e in extraction_made_up().sample(TRAINING, 200)
    ]
    assert len(set(names)) > 195 and not {*" ".join(names).split()} & {*FIRST, *LAST}
