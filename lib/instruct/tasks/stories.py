"""Story questions: where is she, where is what she carries, and who is where?

One supporting fact answers "Where is Mary?": the last sentence that moves her. "Where
is the key?" takes two: who took it, and where that person went. "Who is where?" has an
answer for each person.
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
from lib.instruct.tasks.world import GOES, PEOPLE, ROOMS, THINGS, World, deeds, walks

WHERE = Wordings(
    trained=("Where is {it}?", "In which place is {it}?", "Which place is {it} in?"),
    new=("Where would you find {it}?", "Where has {it} ended up?"),
)
EVERYBODY = Wordings(
    trained=("Who is where?", "Where is everybody?"),
    new=("Say where each of them is.",),
)
Style = tuple[tuple[str, ...], str]
# How stories for "Who is where?" are told, and answered: from notes to sentences, with
# a name and its place ever further apart. Side by side, each helps to learn the next.
STYLES: tuple[Style, ...] = (
    (("{who} {room}.",), "{who} {room}."),
    (("{who} in the {room}.",), "{who} in the {room}."),
    (GOES, "{who} is in the {room}."),
)
MOST = 8  # moves, and people, where all are asked about
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


def everybody(notes: bool = True) -> Task:
    """Where is each person, by name? One to eight moves, as notes or in sentences.

    Without `notes` all are told in sentences.
    """
    if notes:
        return Task("everybody", partial(_draw_everybody, STYLES))
    return Task("everybody_in_sentences", partial(_draw_everybody, STYLES[-1:]))


def last_room(examples: Sequence[Example]) -> Answerer:
    """The room that was named last, whoever went there; "" if none was."""
    del examples
    rooms = re.compile("|".join(ROOMS))
    return lambda prompt: (rooms.findall(prompt) or [""])[-1]


def last_room_said(examples: Sequence[Example]) -> Answerer:
    """The room that was named last, as an answer about whom or what is asked for."""
    room = last_room(examples)
    names = re.compile("|".join([*PEOPLE, *(f"the {thing}" for thing in THINGS)]))

    def answer(prompt: str) -> str:
        *_, question = re.findall(r"[^.?\n]*\?", prompt)
        return is_in((names.findall(question) or ["it"])[0], room(prompt))

    return answer


BASELINES: dict[str, Baseline] = {"last room": last_room_said}


def with_question(asked: str, question: str, story: str) -> str:
    """The prompt: question and story, in the order that was `asked` for."""
    return f"{question} {story}" if asked == "first" else f"{story} {question}"


def is_in(it: str, room: str, verb: str = "is") -> str:
    """The answer to where somebody, or something, is.

    It begins with the name, as the sentence of the story does that tells it.
    """
    return f"{it[0].upper()}{it[1:]} {verb} in the {room}."


def _draw_one(asked: str, random: Random, variant: str) -> Drawn:
    world = walks(random, random.randint(1, 6))
    who = random.choice(sorted(world.rooms))
    room = world.room(who)
    question = WHERE.choose(random, variant).format(it=who)
    prompt = with_question(asked, question, world.story)
    return Drawn(prompt, is_in(who, room), world.story)


def _draw_two(asked: str, random: Random, variant: str) -> Drawn:
    world = carried(random)
    thing = random.choice(sorted(world.holder | world.lies))
    room = world.thing_room(thing)
    assert room is not None  # it has been taken, so the story says where it is
    question = WHERE.choose(random, variant).format(it=f"the {thing}")
    prompt = with_question(asked, question, world.story)
    return Drawn(prompt, is_in(f"the {thing}", room), world.story)


def _draw_everybody(styles: Sequence[Style], random: Random, variant: str) -> Drawn:
    goes, form = random.choice(styles)
    world = walks(random, random.randint(1, MOST), MOST, goes)
    each = (form.format(who=who, room=world.room(who)) for who in sorted(world.rooms))
    prompt = f"{EVERYBODY.choose(random, variant)} {world.story}"
    return Drawn(prompt, " ".join(each), world.story)


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
