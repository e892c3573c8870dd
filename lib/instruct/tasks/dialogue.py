"""Dialogue: talk about a small world that changes while one talks.

The first turn tells a story and asks. Later turns ask on, with words that lean on what
was said ("And before that?"), or tell more. What the text does not say is refused.
"""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from lib.instruct.tasks.stories import is_in, last_room_said
from lib.instruct.tasks.task import (
    Drawn,
    Task,
    Wordings,
)
from lib.instruct.tasks.world import PEOPLE, THINGS, World, deeds

UNKNOWN = "The text does not say."
NOBODY = "Nobody."
MOST_TURNS = 4  # of the user
STRANGER, MORE = 0.15, 0.4  # how often: one is not in the text, another event is told
WHERE = Wordings(
    ("Where is {who}?", "In which place is {who}?"), ("Where to find {who}?",)
)
BEFORE = Wordings(
    ("And before that?", "Where was {who} before that?"), ("And still earlier?",)
)
HOLDER = Wordings(
    ("Who has the {thing}?", "Who holds the {thing}?"), ("Who carries the {thing}?",)
)
ITS_ROOM = Wordings(
    ("And where is it?", "In which place is it?"), ("Where, then, is it?",)
)


def dialogue() -> Task:
    """One to four questions about a story that goes on; the last is to be answered."""
    return Task("dialogue", _draw, baselines={"last room": last_room_said})


class Asked(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


@dataclass
class Talk:
    """A world, and what was last asked about, which "that" and "it" refer to."""

    random: Random
    variant: str
    world: World
    who: str | None = None  # whose room was asked for
    back: int = 0  # how many rooms ago
    thing: str | None = None  # whose holder was asked for

    def more(self) -> str:
        """Another event, or "" if none is told; then "that" refers to nothing."""
        if self.random.random() >= MORE:
            return ""
        self.world.act()
        self.who = self.thing = None
        return self.world.sentences[-1]

    def ask(self) -> Asked:
        """A question that makes sense now: half of the time, one that leans back."""
        if self.random.random() < 0.5:
            if self.who:
                return self.before(self.who)
            if self.thing:
                return self.its_room(self.thing)
        if self.random.random() < 0.5 and self.world.holder | self.world.lies:
            return self.holder()
        return self.where()

    def where(self) -> Asked:
        """Where is a person of the story, or another?"""
        who = self._some(tuple(self.world.rooms), PEOPLE)
        self.who = who if who in self.world.rooms else None
        self.back, self.thing = 0, None
        return self._room_of(who, WHERE)

    def before(self, who: str) -> Asked:
        """Where was the person before?"""
        self.back += 1
        return self._room_of(who, BEFORE)

    def holder(self) -> Asked:
        """Who has a thing of the story, or another?"""
        known = self.world.holder | self.world.lies
        thing = self._some(tuple(known), THINGS)
        self.thing = thing if thing in known else None
        self.who = None
        nobody = NOBODY if thing in known else UNKNOWN
        who = self.world.holder.get(thing)
        return self._asked(HOLDER, f"It is {who}." if who else nobody, thing=thing)

    def its_room(self, thing: str) -> Asked:
        """Where is the thing?"""
        room = self.world.thing_room(thing)
        assert room is not None  # a thing whose holder was asked for has been taken
        self.thing = None
        return self._asked(ITS_ROOM, is_in(f"the {thing}", room))

    def _room_of(self, who: str, wordings: Wordings) -> Asked:
        rooms = self.world.rooms.get(who, [])
        if self.back < len(rooms):
            verb = "was" if self.back else "is"
            said = is_in(who, rooms[-1 - self.back], verb)
            return self._asked(wordings, said, who=who)
        self.who = None
        return self._asked(wordings, UNKNOWN, who=who)

    def _asked(self, wordings: Wordings, answer: str, **names: str) -> Asked:
        question = wordings.choose(self.random, self.variant).format(**names)
        return Asked(question, answer)

    def _some(self, known: tuple[str, ...], every: tuple[str, ...]) -> str:
        strange = self.random.random() < STRANGER
        others = tuple(each for each in every if each not in known)
        return self.random.choice(others if strange else known)


def _draw(random: Random, variant: str) -> Drawn:
    talk = Talk(random, variant, deeds(random, random.randint(2, 5)))
    story, turns = talk.world.story, []
    for number in range(random.randint(1, MOST_TURNS)):
        told = talk.more() if number else story
        asked = talk.ask()
        turns += [f"{told} {asked.question}".strip(), asked.answer]
    return Drawn(tuple(turns[:-1]), turns[-1], story)
