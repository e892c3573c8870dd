"""JSON: what `json` writes is taken, and what is taken is read by `json`."""

import json
import random
from functools import cache

import jaxtyping
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.generate.json_text import DIGITS, json_object, json_string

FORM = json_object({"title": str, "stars": [1, 2, 3], "seen": bool, "n": int})
EXAMPLE = '{"title": "“Up”, \\"é\\" 👍", "stars": 2, "seen": true, "n": -40}'
whole = st.integers(-(10**DIGITS) + 1, 10**DIGITS - 1)
# A text whose escapes, if any, are of one character.
plain = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]))


@pytest.fixture(autouse=True, scope="module")
def quick():
    """No checks of types: each is longer than what it checks, a step for one byte."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jaxtyping.config, "jaxtyping_disable", True)
        yield


def takes(expression, text: str | bytes) -> bool:
    for byte in text.encode() if isinstance(text, str) else text:
        expression = expression.after(byte)
        if expression is None:
            return False
    return expression.least == 0


@cache
def following(expression):
    """Each byte that may follow, and what it leaves."""
    steps = {byte: expression.after(byte) for byte in range(256)}
    return {byte: after for byte, after in steps.items() if after is not None}


def drawn(expression, chance: random.Random, most: int) -> bytes:
    """Any text of the form, toward its shortest end after `most` bytes."""
    text = b""
    while expression.least or (len(text) < most and chance.random() < 0.9):
        steps = following(expression)
        if not steps:
            break
        if len(text) >= most:
            least = min(after.least for after in steps.values())
            steps = {b: after for b, after in steps.items() if after.least == least}
        byte = chance.choice(list(steps))
        expression = steps[byte]
        text += bytes([byte])
    return text


# --- both ways


@given(plain, st.sampled_from([1, 2, 3]), st.booleans(), whole)
def test_what_json_writes_is_taken(title, stars, seen, n):
    value = {"title": title, "stars": stars, "seen": seen, "n": n}
    assert takes(FORM, json.dumps(value, ensure_ascii=False))


@given(st.integers(0, 10**6), st.integers(0, 40))
def test_what_is_taken_is_json_of_that_form(seed, most):
    """Also the encoding is right: the bytes are drawn at random."""
    fields = {"title": str, "x": float, "n": int, "seen": bool, "of": ["a", None, 2.5]}
    text = drawn(json_object(fields), random.Random(seed), most)
    value = json.loads(text.decode())
    assert list(value) == list(fields)
    kinds = (str, int | float, int, bool)
    assert all(map(isinstance, list(value.values())[:4], kinds))
    assert value["of"] in fields["of"]


def test_an_example_and_what_is_left_out_of_it():
    assert takes(FORM, EXAMPLE)
    for place in range(len(EXAMPLE)):
        assert not takes(FORM, EXAMPLE[:place])
        cut = EXAMPLE[:place] + EXAMPLE[place + 1 :]
        if takes(FORM, cut):
            assert json.loads(cut)


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE.replace("true", "True"),
        EXAMPLE.replace("2", "4"),
        EXAMPLE.replace("-40", "040"),
        EXAMPLE.replace("-40", "4.0"),
        EXAMPLE.replace("-40", "4" * (DIGITS + 1)),
        EXAMPLE.replace("Up", "U\np"),
        EXAMPLE.replace("Up", 'U"p'),
        EXAMPLE.replace("Up", "U\\p"),
        EXAMPLE.replace(", ", ","),
        EXAMPLE + " ",
        EXAMPLE.encode().replace("é".encode(), b"\xe9"),
        EXAMPLE.encode().replace("é".encode(), b"\xc0\xaf"),  # too long a form of "/"
        EXAMPLE.encode().replace("é".encode(), b"\xed\xa0\x80"),  # half of a pair
    ],
)
def test_what_is_not_of_the_form_is_not_taken(text):
    assert not takes(FORM, text)


def test_characters_are_counted_not_bytes():
    form = json_string(3)
    for text in ("", "abc", "éüß", "👍👍👍", '\\n\\"\\\\'):
        assert takes(form, f'"{text}"')
    assert not takes(form, '"abcd"') and not takes(form, '"éüß👍"')
    assert takes(json_string(0), '""') and not takes(json_string(0), '"a"')


def test_no_field_and_odd_names():
    assert takes(json_object({}), "{}")
    assert takes(json_object({'a"é': bool}), json.dumps({'a"é': False}))


@pytest.mark.parametrize("field", [dict, "film", [], None])
def test_an_unknown_field_is_refused(field):
    with pytest.raises(ValueError, match=r"bool or a list of values, got .* for 'x'"):
        json_object({"x": field})


def test_odd_arguments_are_refused():
    with pytest.raises(ValueError, match="characters must be 0 or above, got -1"):
        json_object({"x": str}, -1)
    with pytest.raises(ValueError, match="Out of range"):
        json_object({"x": [float("inf")]})
