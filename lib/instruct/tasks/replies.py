"""Replies: what was said next, in small talk and in plays.

Almost anything may follow in a talk, so a reply of a model's own is never the one that
was given. To measure, let the model choose among ten (`lib.instruct.ranking`).
"""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from random import Random

from lib.data import corpora
from lib.data.plays import scenes
from lib.instruct.tasks.task import (
    TEST,
    TRAINING,
    USUAL,
    VALIDATION,
    Drawn,
    Task,
)
from lib.tokens.words import words_and_marks

MOST = 300  # characters of a turn, and of a reply
HELD_OUT = {  # the plays of `TEST` are those that no model of this book has read
    "Macbeth": TEST,
    "The Tempest": TEST,
    "As You Like It": VALIDATION,
    "King Lear": VALIDATION,
    "Richard III": VALIDATION,
}


def small_talk() -> Task:
    """What the users of a chat program made it reply; a part has its own questions."""
    return Task("small_talk", _draw_small_talk, variants=(USUAL,))


def play_replies() -> Task:
    """What a character of a play replies to another; a part has its own plays."""
    return Task("play_replies", _draw_play, variants=(USUAL,), part_of=part_of_play)


def part_of_play(title: str) -> str:
    """The part of a play: two to test, three to choose by, all others to learn from."""
    return HELD_OUT.get(title, TRAINING)


@cache
def exchanges() -> list[Drawn]:
    """The exchanges of small talk, but for the programs, which are no talk.

    Raises `CorpusError` when they are neither cached nor reachable.
    """
    every = [each for each in corpora.dialogue() if each.topic != "coding"]
    return [Drawn(each.prompt, each.reply, question(each.prompt)) for each in every]


@cache
def play_exchanges() -> list[Drawn]:
    """Each speech and the next of its scene, where both have at most `MOST` characters.

    Of those that occur twice, in whatever plays, the first is kept. Raises
    `CorpusError` when the plays are neither cached nor reachable.
    """
    found: dict[tuple[str, str], Drawn] = {}
    for said in _speeches():
        if len(said.prompt) <= MOST and len(said.answer) <= MOST:
            found.setdefault((str(said.prompt), said.answer), said)
    return list(found.values())


def question(prompt: str) -> str:
    """The combination of all exchanges that begin with the same words."""
    return " ".join(word for word in words_and_marks(prompt) if word.isalnum())


def _speeches() -> Iterator[Drawn]:
    for title, play in corpora.shakespeare().items():
        for scene in scenes(play):
            for turn, reply in pairwise(scene):
                if turn.speaker != reply.speaker:
                    yield Drawn(turn.text, reply.text, title)


def _draw_small_talk(random: Random, variant: str) -> Drawn:
    del variant
    return random.choice(exchanges())


def _draw_play(random: Random, variant: str) -> Drawn:
    del variant
    return random.choice(play_exchanges())
