"""Format: the form and what is in it, each judged."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.formats import (
    as_json,
    capitals,
    is_json_object,
    same_json,
    shouted_room,
)
from lib.instruct.tasks.task import VALIDATION, Example
from tests.helpers import stories

seeds = st.integers(0, 10_000)


@settings(max_examples=30)
@given(seeds, st.sampled_from(capitals().variants))
def test_capitals_are_the_room_that_a_reader_finds(seed, variant):
    example = next(capitals().examples(VALIDATION, seed, variant))
    question = example.prompt.split("?")[0]
    (who,) = stories.people(example.prompt) & set(re.findall(r"\w+", question))
    room = stories.rooms(example.prompt, who)[-1]
    assert example.answer == room.upper() != room
    assert not capitals().accepts(example, room)  # right, in the wrong form


def test_the_json_has_what_the_text_gives():
    for variant in as_json().variants:
        for example in as_json().sample(VALIDATION, 50, variant=variant):
            found = json.loads(example.answer)
            assert set(found) == {"name", "place"}
            assert all(value in example.prompt for value in found.values())
            assert example.combination == f"{found['name']} of {found['place']}"
            rule = as_json().baselines["regular expression"]([])
            assert same_json(example, rule(example.prompt))


WANTED = Example("json", ("",), '{"name": "A B", "place": "C"}', "A B of C")


@pytest.mark.parametrize(
    "reply, form, right",
    [
        ('{"name": "A B", "place": "C"}', True, True),
        ('  {"place":"C",\n"name":"A B"}', True, True),
        ('{"name": "A B", "place": "D"}', True, False),
        ('{"name": "A B"}', True, False),
        ('{"name": "A B", "place": "C", "more": 1}', True, False),
        ('["A B", "C"]', False, False),
        ("{'name': 'A B', 'place': 'C'}", False, False),
        ('{"name": "A B", "place": "C"', False, False),
        ('Here: {"name": "A B", "place": "C"}', False, False),
        ("null", False, False),
        ("", False, False),
        ("[" * 100_000, False, False),
    ],
)
def test_form_and_content_of_json(reply, form, right):
    assert is_json_object(reply) is form
    assert same_json(WANTED, reply) is right


def test_the_room_named_last_in_capitals():
    assert shouted_room([])("Where is Tom? Tom goes to the bar.") == "BAR"
