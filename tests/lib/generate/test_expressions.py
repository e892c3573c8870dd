"""Regular expressions: the same texts as by the `regex` package, byte for byte."""

import random
import re

import jaxtyping
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from lib.generate.expressions import (
    DIGIT,
    END,
    Expression,
    between,
    either,
    literal,
    one_of,
    repeat,
    then,
)

# An expression, and the pattern that says the same.
letters = st.text("abc", min_size=1, max_size=3)
leaves = st.one_of(
    letters.map(lambda text: (literal(text), f"(?:{text})")),
    letters.map(lambda text: (one_of(text), f"[{text}]")),
)


@pytest.fixture(autouse=True, scope="module")
def quick():
    """No checks of types: each is longer than what it checks, a step for one byte."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jaxtyping.config, "jaxtyping_disable", True)
        yield


def repeated(part, counts):
    fewest, more = counts
    most = None if more is None else fewest + more
    end = "" if most is None else most
    return repeat(part[0], fewest, most), f"(?:{part[1]}){{{fewest},{end}}}"


def deeper(parts):
    lists = st.lists(parts, min_size=1, max_size=3)
    counts = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
    return st.one_of(
        lists.map(
            lambda found: (
                then(*(e for e, _ in found)),
                "".join(f"(?:{p})" for _, p in found),
            )
        ),
        lists.map(
            lambda found: (
                either(*(e for e, _ in found)),
                "(?:" + "|".join(p for _, p in found) + ")",
            )
        ),
        st.builds(repeated, parts, counts),
    )


expressions = st.recursive(leaves, deeper, max_leaves=6)


def left(expression: Expression | None, text: bytes) -> Expression | None:
    for byte in text:
        expression = None if expression is None else expression.after(byte)
    return expression


@example((then(repeat(literal("a"), 0, 1), literal("b")), "a?b"), random.Random(0))
@given(expressions, st.randoms(use_true_random=False))
def test_it_takes_what_regex_takes(pair, chance):
    """What is left may be empty where `regex` matches, and is there where it may."""
    expression, pattern = pair
    takes_what_regex_takes(expression, pattern, "b")
    for _ in range(4):
        takes_what_regex_takes(expression, pattern, along(expression, chance))


def along(expression: Expression, chance: random.Random) -> str:
    """Letters that may follow, and now and then one that may not."""
    text = ""
    while len(text) < 9 and chance.random() < 0.9:
        letters = [a for a in "abc" if left(expression, (text + a).encode())]
        text += chance.choice(letters if letters and chance.random() < 0.9 else "abc")
    return text


def takes_what_regex_takes(expression: Expression, pattern: str, text: str) -> None:
    found = left(expression, text.encode())
    whole = regex.fullmatch(pattern, text)
    begun = regex.fullmatch(pattern, text, partial=True)
    assert (found is not None and found.least == 0) == (whole is not None)
    assert (found is not None) == (begun is not None)


@given(expressions)
def test_the_shortest_text_is_as_long_as_said(pair):
    """By search: byte after byte, until one of the texts may end."""
    expression, _ = pair
    length, states = 0, {expression}
    while not any(state.least == 0 for state in states):
        states = {state.after(byte) for state in states for byte in b"abc"} - {None}
        length += 1
    assert length == expression.least


def test_there_are_only_so_many_states():
    """Choices that come to the same are one, so that a loop leads back."""
    loop = repeat(either(literal("ab"), literal("a"), literal("ba")))
    seen, new = set(), {loop}
    while new:
        seen |= new
        new = {s.after(byte) for s in new for byte in b"ab"} - seen - {None}
    assert len(seen) <= 8


def test_equal_parts_are_equal():
    assert literal("ab") == then(literal("a"), one_of("a").after(97), literal("b"))
    assert literal("ab") != literal("ac") and literal("a") == one_of("aa")
    assert len({either(literal("a"), literal("b")), either(literal("b"), one_of("a"))})
    assert either(literal("ab"), literal("ab")) == literal("ab")
    assert repeat(DIGIT, 1, 1) == DIGIT and repeat(END) == END == then()
    assert DIGIT != 5


def test_a_long_text_is_no_deep_one():
    text = "long " * 500
    expression = then(literal(text), literal(text))
    assert expression.least == 5_000
    assert left(expression, 2 * text.encode()) == END


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: either(), "either needs at least one expression"),
        (lambda: one_of(""), "one or more of ASCII, got ''"),
        (lambda: one_of("ü"), "one or more of ASCII, got 'ü'"),
        (lambda: between(9, 3), "bytes must run from low to high, got 9 to 3"),
        (lambda: between(0, 256), "got 0 to 256"),
        (lambda: repeat(DIGIT, -1), "got fewest=-1, most=None"),
        (lambda: repeat(DIGIT, 3, 2), "got fewest=3, most=2"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
