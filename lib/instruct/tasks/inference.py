"""Yes or no: does a sentence follow from a story?

The stories are those of the story questions. A room that is asked about and is wrong is
one that the story names: only who went there, and when, tells.
"""

import re
from collections.abc import Sequence
from random import Random

from lib.instruct.tasks.stories import carried
from lib.instruct.tasks.task import (
    Answerer,
    Drawn,
    Example,
    Task,
    Wordings,
)
from lib.instruct.tasks.world import ROOMS, World, walks

IS_IT = Wordings(
    trained=("Is {it} in the {room}?", "Would you find {it} in the {room}?"),
    new=("Yes or no: {it} is in the {room}.", "True that {it} is in the {room}?"),
)


def yes_no() -> Task:
    """Is a person, or a thing, in this room at the end of the story?"""
    return Task("yes_no", _draw, baselines={"both in one sentence": together})


def together(examples: Sequence[Example]) -> Answerer:
    """Says yes when a sentence of the story has both the person and the room.

    It is right about those who went and stayed, wrong about those who went on.
    """
    del examples
    names = re.compile(r"[A-Z]\w+|" + "|".join(ROOMS))

    def answer(prompt: str) -> str:
        question, *story = re.split(r"(?<=[.?]) ", prompt)
        asked = set(names.findall(question)[1:])  # the first word has a capital
        found = any(asked <= set(names.findall(sentence)) for sentence in story)
        return "yes" if found else "no"

    return answer


def _draw(random: Random, variant: str) -> Drawn:
    others: list[str] = []
    while not others:  # a room that the story does not name would give the answer away
        it, room, world = random.choice([_person, _thing])(random)
        named = {each for rooms in world.rooms.values() for each in rooms}
        others = sorted(named - {room})
    answer = random.choice(["yes", "no"])
    asked = room if answer == "yes" else random.choice(others)
    question = IS_IT.choose(random, variant).format(it=it, room=asked)
    return Drawn(f"{question} {world.story}", answer, world.story)


def _person(random: Random) -> tuple[str, str, World]:
    world = walks(random, random.randint(2, 6))
    who = random.choice(sorted(world.rooms))
    return who, world.room(who), world


def _thing(random: Random) -> tuple[str, str, World]:
    world = carried(random)
    thing = random.choice(sorted(world.holder | world.lies))
    room = world.thing_room(thing)
    assert room is not None  # it has been taken
    return f"the {thing}", room, world
