"""Dialogue: every answer is what a reader of the talk so far finds."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.dialogue import (
    MOST_TURNS,
    NOBODY,
    UNKNOWN,
    dialogue,
)
from lib.instruct.tasks.stories import last_room_said
from lib.instruct.tasks.task import PARTS, TEST, TRAINING, VALIDATION, part_of
from lib.instruct.tasks.world import PEOPLE, THINGS
from tests.helpers import stories


def answers(turns):
    """Answer each question of the user by reading what was said up to there."""
    text, who, thing, back = "", None, None, 0
    for said in turns[::2]:
        *told, question = re.split(r"(?<=\.) ", said)
        text = " ".join([text, *told])
        words = re.findall(r"\w+", question)
        if named := set(words) & set(PEOPLE):
            back = back if "before" in words and who in named else 0
            (who,), thing = named, None
        elif named := set(words) & set(THINGS):
            (thing,), who = named, None
        if "before" in words or "earlier" in words:
            back += 1
        if who:
            rooms = stories.rooms(text, who)
            verb = "was" if back else "is"
            known = back < len(rooms)
            yield f"{who} {verb} in the {rooms[-1 - back]}." if known else UNKNOWN
        elif thing not in stories.things(text):
            yield UNKNOWN
        elif named:
            holder, *_ = stories.last_touch(text, thing)
            yield f"It is {holder}." if holder else NOBODY
        else:
            yield f"The {thing} is in the {stories.thing_room(text, thing)}."


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(dialogue().variants),
    st.sampled_from([VALIDATION, TEST]),
)
def test_every_answer_follows_from_the_talk_so_far(seed, variant, part):
    example = next(dialogue().examples(part, seed, variant))
    given_answers = [*example.turns[1::2], example.answer]
    assert list(answers(example.turns)) == given_answers


def test_all_that_can_be_asked_is_asked():
    counts = Counter()
    sample = dialogue().sample(TRAINING, 500)
    for example in sample:
        question = re.split(r"(?<=\.) ", example.turns[-1])[-1]
        told = len(example.turns) > 1 and example.turns[-1] != question
        kind = {UNKNOWN: "unknown", NOBODY: "nobody"}.get(example.answer, "known")
        counts.update([kind, f"told {told}", f"turns {len(example.turns) // 2 + 1}"])
        leans = [
            each for each in ("before", " it?", "has", "holds") if each in question
        ]
        counts.update([*leans, "room" if "in the" in example.answer else "other"])
    assert all(counts[f"turns {n}"] > 50 for n in range(1, MOST_TURNS + 1))
    for name in ("unknown", "nobody", "known", "told True", "before", " it?", "has"):
        assert counts[name] > 10, (name, counts)


def test_nothing_leans_back_past_an_event():
    """ "And before that?" would then mean nothing that is certain."""
    after_events = 0
    for example in dialogue().sample(TRAINING, 200):
        for said in example.turns[::2]:
            *told, question = re.split(r"(?<=\.) ", said)
            if told:
                words = set(re.findall(r"\w+", question))
                assert words & {*PEOPLE, *THINGS} and "before" not in words
                after_events += 1
    assert after_events > 250


def test_the_first_story_decides_the_part():
    for part in PARTS:
        for example in dialogue().sample(part, 50):
            assert example.turns[0].startswith(f"{example.combination} ")
            assert part_of(example.combination) == part


def test_the_room_that_was_named_last():
    answer = last_room_said([])
    told = "Tom goes to the bar. Ann goes to the ship. Where is Ann?"
    assert answer(told) == "Ann is in the ship."
    said = f"{told}\nAnn is in the ship.\n"
    assert answer(f"{said}Where is Tom?") == "Tom is in the ship."
    assert answer(f"{said}And where is it?") == "It is in the ship."
    assert answer("Where is the key? Tom goes to the bar.") == "The key is in the bar."
