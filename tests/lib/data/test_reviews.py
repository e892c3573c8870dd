"""The divided reviews: fixed for good, disjoint, and free of copies."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data import reviews
from lib.data.corpora import Review
from lib.data.reviews import (
    SAME,
    balanced_sample,
    imdb,
    openings,
    split,
)

FIXED = "2e63a46f53bb58c1"  # of the test set: if it moves, old figures mean nothing


def review(text, positive=True):
    return Review(text, positive, "imdb")


def some(many):
    return [review(f"Number {n} is a film.", n % 2 == 0) for n in range(many)]


@pytest.fixture(scope="module")
def divided():
    return imdb()


def test_the_test_set_is_fixed_for_good(divided):
    assert [len(part) for part in divided] == [17_821, 2_000, 5_000]
    text = "\0".join(f"{each.positive} {each.text}" for each in divided.test)
    assert sha256(text.encode()).hexdigest().startswith(FIXED)
    for part in divided:
        assert abs(sum(each.positive for each in part) / len(part) - 0.5) < 0.02


def test_no_two_reviews_share_the_opening_of_a_long_sentence(divided):
    seen = set()
    for each in [*divided.test, *divided.validation, *divided.training]:
        opens = set(openings(each.text))
        assert not opens & seen
        seen |= opens


LONG = "one two three four five six seven eight nine ten eleven twelve"
COPIES = [
    LONG,
    f"{LONG.upper()} thirteen.",
    f"Something before. {LONG.replace(' ', ', ')}",
    f"{LONG}! And something after?",
]


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_dropped(copy):
    assert len(LONG.split()) == SAME
    first = review(f"Short. {LONG}, and so on. The end")
    others = [
        review("Quite another review"),
        review(copy),
        review("quite: another... Review"),
    ]
    assert reviews.without_copies([first, *others]) == [first, others[0]]
    assert reviews.without_copies([review(copy), first]) == [review(copy)]


def test_short_sentences_in_common_are_no_copy():
    both = [review("A great film. See it, now"), review("A great film. Or not, then")]
    assert reviews.without_copies(both) == both


@given(st.integers(3, 40), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_a_split_deals_out_every_review_once(many, test, validation, seed):
    given = some(many)
    if test + validation >= many:
        with pytest.raises(ValueError, match=f"{many} different reviews cannot"):
            split(given, test, validation, seed)
        return
    parts = split(given, test, validation, seed)
    assert sorted([*parts[0], *parts[1], *parts[2]]) == sorted(given)
    assert len(parts.test) == test and len(parts.validation) == validation
    assert parts == split(given, test, validation, seed)


def test_a_small_set_is_balanced_and_drawn_by_its_seed():
    pool = some(50)
    few = balanced_sample(pool, 10, seed=1)
    assert len({*few}) == 10 and sum(each.positive for each in few) == 5
    assert few == balanced_sample(pool, 10, seed=1) != balanced_sample(pool, 10, seed=2)
    assert {*few} <= {*pool}


@pytest.mark.parametrize("size", [0, 7, 52])
def test_a_small_set_that_cannot_be_is_refused(size):
    with pytest.raises(ValueError, match=f"got {size}"):
        balanced_sample(some(50), size, seed=0)
