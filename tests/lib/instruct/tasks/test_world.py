"""The world: what it keeps is what its sentences say."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lib.instruct.tasks.world import PEOPLE, ROOMS, THINGS, World, deeds, walks
from tests.helpers import stories

seeds = st.integers(0, 10_000)


@given(seeds, st.integers(1, 12))
def test_who_is_where_is_what_the_sentences_say(seed, sentences):
    for world in (
        walks(Random(seed), sentences),
        deeds(Random(seed), sentences),
    ):
        assert len(world.sentences) == sentences
        assert stories.people(world.story) == set(world.rooms)
        for who, rooms in world.rooms.items():
            assert rooms == stories.rooms(world.story, who)
            assert all(a != b for a, b in pairwise(rooms))


@given(seeds)
def test_who_has_what_is_what_the_sentences_say(seed):
    world = deeds(Random(seed), 25)
    touched = world.holder.keys() | world.lies.keys()
    assert touched == stories.things(world.story)
    assert not world.holder.keys() & world.lies.keys()
    for thing in touched:
        holder, _, _ = stories.last_touch(world.story, thing)
        assert holder == world.holder.get(thing)
        assert world.thing_room(thing) == stories.thing_room(world.story, thing)


@given(seeds)
def test_nobody_does_what_cannot_be_done(seed):
    """Things are taken where they lie, left by who has them, handed to who is there."""
    world = World(Random(seed), PEOPLE[:3])
    for _ in range(25):
        world.act()
        *before, last = world.sentences
        story = " ".join(before)
        touched = stories.things(story)
        if (match := stories.TAKES.match(last)) and match[2] in touched:
            assert stories.last_touch(story, match[2])[0] is None
            assert (
                stories.thing_room(story, match[2])
                == stories.rooms(story, match[1])[-1]
            )
        if match := stories.LEAVES.match(last):
            assert stories.last_touch(story, match[2] or match[3])[0] == match[1]
        if match := stories.HANDS.match(last):
            assert stories.last_touch(story, match[2] or match[5])[0] == match[1]
            whom = match[3] or match[4]
            assert whom != match[1]
            assert stories.rooms(story, whom)[-1] == stories.rooms(story, match[1])[-1]


def test_every_deed_happens():
    told = " ".join(deeds(Random(seed), 12).story for seed in range(40))
    for pattern in (stories.GOES, stories.TAKES, stories.LEAVES, stories.HANDS):
        assert len(pattern.findall(told)) > 20


def test_where_a_thing_is_that_no_one_has_touched_is_not_known():
    assert walks(Random(0), 3).thing_room("key") is None


def test_no_word_is_of_two_kinds():
    names = [*PEOPLE, *ROOMS, *THINGS]
    assert len(set(names)) == len(names)
