"""A small world: people go from room to room and carry things about.

Stories in the manner of bAbI (Weston et al. 2015, "Towards AI-Complete Question
Answering: A Set of Prerequisite Toy Tasks"), in words of our own. What a story says is
kept as it is told, so the right answer to a question is known.
"""

from dataclasses import dataclass, field
from random import Random

# Each is one token of the review GPT, so that one place in a text has all of a name.
PEOPLE = tuple("Tom Jack Mary George Jane Peter Paul Sam Ben Harry Ann Bob".split())
ROOMS = tuple("office school house theater prison ship train store bar city".split())
THINGS = tuple(
    "key book ball box camera picture watch doll cat dog light video".split()
)
GOES = ("{who} goes to the {room}.", "{who} walks to the {room}.")
TAKES = ("{who} takes the {thing}.", "{who} picks up the {thing}.")
LEAVES = ("{who} puts down the {thing}.", "{who} leaves the {thing} there.")
HANDS = ("{who} hands the {thing} to {whom}.", "{who} gives {whom} the {thing}.")
MEET = 3  # a room with somebody in it, where things are handed over


@dataclass
class World:
    """What a story has said so far, and the sentences that said it."""

    random: Random
    people: tuple[str, ...]
    goes: tuple[str, ...] = GOES  # how it is told that somebody goes
    rooms: dict[str, list[str]] = field(default_factory=dict)  # of each, first to last
    holder: dict[str, str] = field(default_factory=dict)  # of a thing in a hand
    lies: dict[str, str] = field(default_factory=dict)  # the room of one put down
    sentences: list[str] = field(default_factory=list)

    @property
    def story(self) -> str:
        """All sentences in one line."""
        return " ".join(self.sentences)

    def room(self, who: str) -> str:
        """Where a person is, who must have gone somewhere."""
        return self.rooms[who][-1]

    def thing_room(self, thing: str) -> str | None:
        """Where a thing is; None when the story does not say."""
        if thing in self.holder:
            return self.room(self.holder[thing])
        return self.lies.get(thing)

    def tell(self, wordings: tuple[str, ...], **said: str) -> None:
        """Add a sentence, in one of the wordings."""
        self.sentences.append(self.random.choice(wordings).format(**said))

    def go(self, meet: int = 0) -> None:
        """A person goes to a room in which they are not.

        A room with somebody in it counts `meet` times more.
        """
        who = self.random.choice(self.people)
        here = self.rooms.get(who, [None])[-1]
        company = [self.room(each) for each in self.rooms] * meet
        room = self.random.choice([each for each in (*ROOMS, *company) if each != here])
        self.rooms.setdefault(who, []).append(room)
        self.tell(self.goes, who=who, room=room)

    def take(self, who: str) -> bool:
        """A person takes a thing, one that lies there or is new; False if none is."""
        here = self.room(who)
        taken = self.holder.keys() | {
            thing for thing, room in self.lies.items() if room != here
        }
        thing = self._one([each for each in THINGS if each not in taken])
        if thing:
            self.lies.pop(thing, None)
            self.holder[thing] = who
            self.tell(TAKES, who=who, thing=thing)
        return bool(thing)

    def leave(self, who: str) -> bool:
        """A person puts down a thing; False if they hold none."""
        thing = self._one(self.held(who))
        if thing:
            del self.holder[thing]
            self.lies[thing] = self.room(who)
            self.tell(LEAVES, who=who, thing=thing)
        return bool(thing)

    def hand(self, who: str) -> bool:
        """A person gives a thing to one in the same room; False if it cannot be."""
        here = self.room(who)
        near = [each for each in self.rooms if each != who and self.room(each) == here]
        thing, whom = self._one(self.held(who)), self._one(near)
        if thing and whom:
            self.holder[thing] = whom
            self.tell(HANDS, who=who, whom=whom, thing=thing)
        return bool(thing and whom)

    def held(self, who: str) -> list[str]:
        """The things in the hands of a person."""
        return [thing for thing, holder in self.holder.items() if holder == who]

    def _one(self, choices: list[str]) -> str | None:
        return self.random.choice(choices) if choices else None

    def act(self) -> None:
        """Something happens: someone goes, or does something with a thing."""
        if not self.rooms or self.random.random() < 0.4:
            self.go(MEET)
            return
        who = self.random.choice(list(self.rooms))
        others = self.random.sample([self.take, self.leave], 2)
        if not any(deed(who) for deed in (self.hand, *others)):  # the first that can be
            self.go(MEET)


def walks(
    random: Random, sentences: int, people: int = 3, goes: tuple[str, ...] = GOES
) -> World:
    """A story in which people only go about."""
    world = World(random, tuple(random.sample(PEOPLE, people)), goes)
    for _ in range(sentences):
        world.go()
    return world


def deeds(random: Random, sentences: int, people: int = 3) -> World:
    """A story in which people go about, and take, leave and hand over things."""
    world = World(random, tuple(random.sample(PEOPLE, people)))
    for _ in range(sentences):
        world.act()
    return world
