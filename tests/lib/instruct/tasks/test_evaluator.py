"""The evaluator: as Python where the grammar is kept, and nothing where it is not."""

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.evaluator import LARGEST, LONGEST, Refused, run_line

lists = st.lists(st.integers(-50, 50), max_size=6)


def joined(template, *parts):
    return st.builds(lambda *given: template.format(*given), *parts)


numbers = st.recursive(
    st.sampled_from(["x", "2", "3", "10"]),
    lambda inner: st.one_of(
        joined("({} {} {})", inner, st.sampled_from("+ - * % //".split()), inner),
        joined("-{}", inner),
        joined("abs({})", inner),
    ),
    max_leaves=4,
)
tests = joined(
    "{} {} {}", numbers, st.sampled_from("< <= > >= == !=".split()), numbers
) | joined("{} < {} <= {}", numbers, numbers, numbers)
loops = joined("{} for x in xs", numbers) | joined(
    "{} for x in xs if {}", numbers, tests
)
lines = st.one_of(
    joined("[{}]", loops),
    joined("{}({})", st.sampled_from("sum max min sorted list len".split()), loops),
    joined("{}([{}])", st.sampled_from("sum max min sorted list len".split()), loops),
    joined("{}(xs)", st.sampled_from("sum max min sorted list len abs".split())),
    joined("sum(xs) {} len(xs)", st.sampled_from("+ - * // % < ==".split())),
)


@settings(max_examples=300)
@given(lines, lists)
def test_it_gives_what_python_gives(line, xs):
    """Here, and here alone, Python runs the line: it was made by this test."""
    try:
        expected = eval(line, {"xs": xs})
    except (ValueError, TypeError, ZeroDivisionError):
        with pytest.raises(Refused):
            run_line(line, xs)
        return
    if not isinstance(expected, int) or abs(expected) <= LARGEST:
        found = run_line(line, xs)
        assert found == expected and type(found) is type(expected)


OUTSIDE = [
    "__import__('os').system('true')",
    "import os",
    "xs.append(1)",
    "xs.__class__",
    "(1).real",
    "[].__class__.__base__",
    "open('x')",
    "eval('1')",
    "exec('1')",
    "print(xs)",
    "range(9)",
    "sum",
    "sum(xs, 1)",
    "sorted(xs, reverse=True)",
    "max(1, 2)",
    "max(*xs)",
    "sum(**xs)",
    "(lambda: 1)()",
    "sum(xs)(xs)",
    "[sum(xs) for sum in xs]",
    "(x := 3)",
    "x = 3",
    "xs = 3",
    "f'{xs}'",
    "'a' * 9",
    "'a'",
    "b'a'",
    "1.5",
    "1j",
    "True",
    "None",
    "...",
    "2 ** 99",
    "1 << 99",
    "1 / 2",
    "xs * 9",
    "xs + xs",
    "xs[0]",
    "xs[1:]",
    "{x for x in xs}",
    "{x: x for x in xs}",
    "[x for x in xs for y in xs]",
    "[x async for x in xs]",
    "[x for x, y in xs]",
    "[x for xs[0] in xs]",
    "[*xs]",
    "[1, 2]",
    "(1, 2)",
    "await xs",
    "(yield)",
    "1 if xs else 2",
    "1 in xs",
    "xs is xs",
    "not xs",
    "~1",
    "+1",
    "1 and 2",
    "x",
    "unknown",
    "len(x for x in xs)",
    "(x for x in xs)",
    "[x for x in 3]",
    "xs < 3",
    "max([x for x in xs if x > 99])",
    "1 // 0",
    "1 % 0",
    "",
    "   ",
    "sum(xs",
    "sum(xs))",
    "\0",
    "\ud800",
    "while True: pass",
    "sum(xs); sum(xs)",
    "sum(xs)\nsum(xs)",
    "def f(): pass",
]


@pytest.mark.parametrize("line", OUTSIDE)
def test_what_is_outside_the_grammar_is_refused(line):
    with pytest.raises(Refused):
        run_line(line, [1, 2, 3])


LARGE = {
    "long": "1 + " * LONGEST + "1",
    "deep": "-" * 200 + "1",
    "nested": "(" * 140 + "1" + ")" * 140,
    "brackets": "[" * 250,
    "number": "9" * 250,
    "product": " * ".join(["999999"] * 20),
    "loops": "[[[[[[a for a in xs] for b in xs] for c in xs] for d in xs] for e in xs]"
    " for f in xs]",
    "sums": "sum(sum(sum(a for a in xs) for b in xs) for c in xs)",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_is_refused_at_once(name):
    start = time.process_time()
    line = LARGE[name]
    if name == "nested":  # brackets cost nothing, and leave no node
        assert run_line(line, []) == 1
    else:
        with pytest.raises(Refused):
            run_line(line, range(40))
    assert time.process_time() - start < 3  # with every type checked


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.text("xs for in if()[]+-*%<>=!13,.:'_\\\n", max_size=40)
    | st.lists(
        st.sampled_from(
            "x xs for in if ( ) [ ] + - * % // < == 3 sum max len , . : lambda "
            "import os ' async".split()
        ),
        max_size=14,
    ).map(" ".join)
)
def test_any_text_has_a_value_or_is_refused(text):
    try:
        value = run_line(text, [3, -1, 2])
    except Refused:
        return
    assert isinstance(value, int | list)
    kinds = {type(node) for node in ast.walk(ast.parse(text.strip(), mode="eval"))}
    assert not kinds & {ast.Attribute, ast.Lambda, ast.Subscript, ast.NamedExpr}


def test_spaces_around_a_line_do_not_count_and_xs_stays_as_it_was():
    xs = [3, 1]
    assert run_line(" sorted(xs)\n", xs) == [1, 3] and xs == [3, 1]
    assert run_line("xs", (3, 1)) == [3, 1]
