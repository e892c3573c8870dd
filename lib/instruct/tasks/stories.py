"""Story questions: where is she, and where is what she carries?

One supporting fact answers "Where is Mary?": the last sentence that moves her. "Where
is the key?" takes two: who took it, and where that person went.
"""

import re
from collections.abc import Sequence
from functools import partial
from random import Random

from lib.instruct.tasks.task import (
    Answerer,
    Baseline,
    Drawn,
    Example,
    Task,
    Wordings,
)
from lib.instruct.tasks.world import ROOMS, World, deeds, walks

WHERE = Wordings(
    trained=("Where is {it}?", "In which place is {it}?", "Which place is {it} in?"),
    new=("Where would you find {it}?", "Where has {it} ended up?"),
)
ASKED = ("first", "last")


def one_fact(asked: str = "first") -> Task:
    """Where is a person, at the end of one to six moves?

    The question is `asked` "first", before the story, or "last". Raises ValueError for
    anything else.
    """
    check_asked(asked)
    name = "one_fact" if asked == "first" else "one_fact_asked_last"
    return Task(name, partial(_draw_one, asked), baselines=BASELINES)


def two_facts(asked: str = "first") -> Task:
    """Where is a thing that somebody took? Asked as in `one_fact`."""
    check_asked(asked)
    name = "two_facts" if asked == "first" else "two_facts_asked_last"
    return Task(name, partial(_draw_two, asked), baselines=BASELINES)


def last_room(examples: Sequence[Example]) -> Answerer:
    """The room that was named last, whoever went there; "" if none was."""
    del examples
    rooms = re.compile("|".join(ROOMS))
    return lambda prompt: (rooms.findall(prompt) or [""])[-1]


def last_room_said(examples: Sequence[Example]) -> Answerer:
    """The room that was named last, as an answer."""
    answer = last_room(examples)
    return lambda prompt: in_the(answer(prompt))


BASELINES: dict[str, Baseline] = {"last room": last_room_said}


def with_question(asked: str, question: str, story: str) -> str:
    """The prompt: question and story, in the order that was `asked` for."""
    return f"{question} {story}" if asked == "first" else f"{story} {question}"


def in_the(room: str) -> str:
    """The answer to where somebody is."""
    return f"In the {room}."


def _draw_one(asked: str, random: Random, variant: str) -> Drawn:
    world = walks(random, random.randint(1, 6))
    who = random.choice(sorted(world.rooms))
    room = world.room(who)
    question = WHERE.choose(random, variant).format(it=who)
    prompt = with_question(asked, question, world.story)
    return Drawn(prompt, in_the(room), world.story)


def _draw_two(asked: str, random: Random, variant: str) -> Drawn:
    world = carried(random)
    thing = random.choice(sorted(world.holder | world.lies))
    room = world.thing_room(thing)
    assert room is not None  # it has been taken, so the story says where it is
    question = WHERE.choose(random, variant).format(it=f"the {thing}")
    prompt = with_question(asked, question, world.story)
    return Drawn(prompt, in_the(room), world.story)


def carried(random: Random) -> World:
    """A story in which at least one thing was taken."""
    while True:
        world = deeds(random, random.randint(2, 8))
        if world.holder or world.lies:
            return world


def check_asked(asked: str) -> None:
    """Raises ValueError unless the question is asked "first" or "last"."""
    if asked not in ASKED:
        raise ValueError(f"asked must be one of {ASKED}, got {asked!r}")
