"""Writing Python: the answers do what the words say, and running them tells."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.evaluator import Refused, run_line
from lib.instruct.tasks.one_liners import ALL, EACH, INPUTS, KEEP, one_liners, outcomes
from lib.instruct.tasks.task import TRAINING, VALIDATION, Example

WHOLE = {
    "the sum of": sum,
    "the largest of": max,
    "the smallest of": min,
    "the number of": len,
    "a sorted list of": sorted,
    "a list of": list,
}
OF_EACH = {
    "the squares of": lambda x: x**2,
    "the doubles of": lambda x: x + x,
    "the negatives of": lambda x: 0 - x,
    "the absolute values of": lambda x: max(x, -x),
    "3 more than": lambda x: 3 + x,
    "the last digits of": lambda x: int(str(x)[-1]),
    "": lambda x: x,
}
KEPT = {
    "all xs": lambda x: True,
    "the even xs": lambda x: x in range(-100, 100, 2),
    "the odd xs": lambda x: x in range(-99, 100, 2),
    "the positive xs": lambda x: x > 0,
    "the negative xs": lambda x: x < 0,
    "the xs above 3": lambda x: x > 3,
    "the xs below 5": lambda x: x < 5,
    "the xs other than 1": lambda x: x - 1 != 0,
}
lists = st.lists(st.integers(-40, 40), max_size=8)


def meant(words, xs):
    """What the words ask for, worked out by plain functions."""
    (whole,) = [key for key in WHOLE if words.startswith(key)]
    (kept,) = [key for key in KEPT if words.endswith(key)]
    each = words.removeprefix(whole).removesuffix(kept).strip()
    chosen = [OF_EACH[each](x) for x in xs if KEPT[kept](x)]
    return WHOLE[whole](chosen)


@settings(max_examples=150)
@given(st.integers(0, 10_000), lists, st.sampled_from(one_liners().variants))
def test_an_answer_does_what_the_words_say(seed, xs, variant):
    example = next(one_liners().examples(VALIDATION, seed, variant))
    words = re.search(rf"({'|'.join(WHOLE)}) .*?xs\b.*?(?=[.:?])", example.prompt)[0]
    try:
        expected = meant(words, xs)
    except ValueError:  # the largest of nothing
        with pytest.raises(Refused):
            run_line(example.answer, xs)
    else:
        assert run_line(example.answer, xs) == expected


def requests():
    for whole in ALL:
        for each in EACH:
            for keep in KEEP:
                loop = f"{EACH[each]} for x in xs{KEEP[keep]}"
                yield ALL[whole].format(each=loop)


def test_requests_with_the_same_values_mean_the_same():
    """The inputs tell apart all that another list could."""
    groups = {}
    for line in requests():
        groups.setdefault(repr(outcomes(line)), []).append(line)
    others = [[n, -m, m + n] for n in range(-6, 12) for m in range(5)]
    others += [[n] for n in range(-20, 20)]
    for alike in groups.values():
        for xs in others if len(alike) > 1 else []:
            assert len({repr(value(line, xs)) for line in alike}) == 1, (alike, xs)


def value(line, xs):
    try:
        return run_line(line, xs)
    except Refused:
        return None


def judged(answer, reply):
    return one_liners().accepts(Example("python", ("",), answer, ""), reply)


def test_another_line_with_the_same_values_is_right():
    answer = "sum(x for x in xs if x > 0)"
    assert judged(answer, "sum([y for y in xs if 0 < y])")
    assert judged(answer, "sum(abs(x) for x in xs if x >= 1)")
    assert not judged(answer, "sum(x for x in xs if x >= 0)[0]")
    assert not judged(answer, "sum(x for x in xs)")
    assert not judged("max(xs)", "max(sorted(xs)) + 0 * len(xs[:1])")


def test_a_truth_is_no_number():
    assert not judged("len(xs) - len(xs)", "1 == 2") and judged("1 == 1", "2 == 2")


def test_a_line_that_is_refused_everywhere_is_wrong():
    for example in one_liners().sample(TRAINING, 100):
        assert not one_liners().accepts(example, "__import__('os')")
        assert any(each is not None for each in outcomes(example.answer))
    assert len(INPUTS) == 7
