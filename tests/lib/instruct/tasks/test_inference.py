"""Yes or no: what a reader finds, as often yes as no, and hard to guess."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.inference import together, yes_no
from lib.instruct.tasks.task import VALIDATION
from lib.instruct.tasks.world import ROOMS
from tests.helpers import stories


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(yes_no().variants))
def test_the_answer_is_what_a_reader_finds(seed, variant):
    example = next(yes_no().examples(VALIDATION, seed, variant))
    pattern = r"((?:Yes or no: )?.*?[.?]) (.*)"
    question, story = re.fullmatch(pattern, example.prompt).groups()
    words = set(re.findall(r"\w+", question))
    (room,) = words & set(ROOMS)
    if people := words & stories.people(story):
        found = stories.rooms(story, people.pop())[-1]
    else:
        (thing,) = words & stories.things(story)
        found = stories.thing_room(story, thing)
    assert example.answer == ("yes" if found == room else "no")


def test_half_of_the_answers_are_yes_and_wrong_rooms_stand_in_the_story():
    sample = yes_no().sample(VALIDATION, 300)
    assert 110 < sum(each.answer == "yes" for each in sample) < 190
    named = 0
    for example in sample:
        question, story = example.prompt.split("? ", 1)
        room = re.search(r"the (\w+)$", question)[1]
        named += room in story
    assert named == 300  # a room that is not named would give the answer away


def test_both_in_one_sentence():
    answer = together([])
    story = "Tom goes to the bar. Tom goes to the ship. Ann takes the key."
    assert answer(f"Is Tom in the ship? {story}") == "yes"
    assert answer(f"Is Tom in the bar? {story}") == "yes"  # and that is wrong
    assert answer(f"Is Ann in the ship? {story}") == "no"
