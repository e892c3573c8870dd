"""Tasks: the same for the same seed, checked rightly, and parts that never mix."""

import importlib
import pkgutil
import re
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct import tasks
from lib.instruct.tasks import TASKS, find_task
from lib.instruct.tasks.one_liners import outcomes
from lib.instruct.tasks.task import (
    NEW_WORDING,
    PARTS,
    TEST,
    TRAINING,
    USUAL,
    VALIDATION,
    Drawn,
    Task,
    Wordings,
    part_of,
)
from lib.instruct.tasks.world import PEOPLE, THINGS

EVERY = pytest.mark.parametrize("name", TASKS)
MEASURED = [name for name in TASKS if name != "capital_of"]  # it has one part alone


FIXED = {
    "Tom": VALIDATION,
    "Mary": VALIDATION,
    "ball": TEST,
    "doll": VALIDATION,
    "light": TEST,
}


def some(name, part, seed=0, size=20, variant=USUAL):
    return list(islice(find_task(name).examples(part, seed, variant), size))


def same(name, answer, other):
    return outcomes(answer) == outcomes(other) if name == "python" else answer == other


@EVERY
@settings(max_examples=5)
@given(seed=st.integers(0, 1_000))
def test_a_seed_gives_the_same_examples_again(name, seed):
    first = some(name, TRAINING, seed)
    assert first == some(name, TRAINING, seed)
    assert first != some(name, TRAINING, seed + 1)


@EVERY
@settings(max_examples=5)
@given(seed=st.integers(0, 1_000))
def test_the_check_takes_right_answers_and_no_wrong_one(name, seed):
    checked = find_task(name).accepts
    examples = some(name, TRAINING, seed)
    for example, other in pairwise(examples):
        assert checked(example, example.answer)
        assert checked(example, f" {example.answer}\n")
        for wrong in ("", example.answer + " x", example.answer[:-1]):
            assert not checked(example, wrong), (example, wrong)
        alike = same(name, example.answer, other.answer)
        assert checked(example, other.answer) is alike


@EVERY
def test_an_example_is_whole_turns_of_one_line(name):
    for example in some(name, TRAINING, size=100):
        assert example.task == name
        assert len(example.turns) % 2 == 1  # the user has the first word and the last
        for text in (*example.turns, example.answer):
            assert text == text.strip() and text and "\n" not in text
        assert example.prompt.split("\n") == list(example.turns)


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_was_never_trained(name):
    trained = {each.combination for each in some(name, TRAINING, size=400)}
    for part in (VALIDATION, TEST):
        for variant in find_task(name).variants:
            measured = some(name, part, size=40, variant=variant)
            assert not trained & {each.combination for each in measured}
    other = {each.combination for each in some(name, VALIDATION, size=40)}
    assert not other & {each.combination for each in some(name, TEST, size=40)}


def test_parts_are_eight_one_and_one_in_ten_and_fixed_for_good():
    counts = Counter(part_of(f"combination {n}") for n in range(2_000))
    assert 1_500 < counts[TRAINING] < 1_700
    assert 150 < counts[VALIDATION] < 250 and 150 < counts[TEST] < 250
    held = {who: part_of(f"{who} in the bar") for who in PEOPLE + THINGS}
    fixed = {who: part for who, part in held.items() if part != TRAINING}
    assert fixed == FIXED  # if it moves, old figures mean nothing


def wordings():
    for module in pkgutil.iter_modules(tasks.__path__):
        names = vars(importlib.import_module(f"lib.instruct.tasks.{module.name}"))
        for name, value in names.items():
            several = value.values() if isinstance(value, dict) else [value]
            for each in several:
                if isinstance(each, Wordings):
                    yield pytest.param(each, id=f"{module.name}.{name}")


WORDINGS = list(wordings())


@pytest.mark.parametrize("ways", WORDINGS)
def test_new_wordings_are_new(ways):
    assert ways.trained and ways.new and not set(ways.trained) & set(ways.new)


def forms(ways):
    """The wordings of one kind, as patterns."""
    for wording in ways:
        yield re.sub(r"\\{\w+\\}", r"[\\w\\s'()*+-]+", re.escape(wording))


NEW = re.compile(
    "|".join(form for ways in WORDINGS for form in forms(ways.values[0].new))
)


@pytest.mark.parametrize("name", MEASURED)
def test_a_new_wording_is_in_no_trained_prompt(name):
    for example in some(name, TRAINING, size=200):
        assert not NEW.search(example.prompt)
    if NEW_WORDING in TASKS[name].variants:
        for example in some(name, VALIDATION, variant=NEW_WORDING):
            assert NEW.search(example.turns[-1])


def test_a_sample_has_no_prompt_twice():
    sample = find_task("order").sample(VALIDATION, 50)
    assert len({each.prompt for each in sample}) == len(sample) == 50
    assert sample == find_task("order").sample(VALIDATION, 50)


def fixed(prompts, repeats=False):
    def draw(random, variant):
        return Drawn(random.choice(prompts), "yes", "always trained 1")

    assert part_of("always trained 1") == TRAINING
    return Task("fixed", draw, repeats=repeats)


def test_a_part_with_too_few_prompts_says_how_many_it_has():
    with pytest.raises(ValueError, match=r"size must be at most 2 .*'fixed', got 3"):
        fixed(["a", "b"]).sample(TRAINING, 3)
    fewer = fixed(["a", "b"]).sample(TRAINING, 3, fewer=True)
    assert sorted(each.prompt for each in fewer) == ["a", "b"]
    assert len(fixed(["a"], repeats=True).sample(TRAINING, 3)) == 3


def test_a_part_without_combinations_is_refused_and_not_waited_for():
    with pytest.raises(ValueError, match="part 'test' of task 'fixed' has no comb"):
        fixed(["a"]).sample(TEST, 1)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"part must be one of .*, got 'train'"):
        find_task("order").examples("train")
    with pytest.raises(ValueError, match=r"variant of 'order' must be .*, got 'odd'"):
        find_task("order").examples(TEST, variant="odd")
    with pytest.raises(ValueError, match="'new wording' is to measure with"):
        find_task("order").examples(TRAINING, variant=NEW_WORDING)
    with pytest.raises(ValueError, match="size must be above 0, got 0"):
        find_task("order").sample(TEST, 0)
    with pytest.raises(ValueError, match=r"name must be one of one_fact, .*got 'odd'"):
        find_task("odd")


def test_the_names_are_those_of_the_tasks():
    assert PARTS == (TRAINING, VALIDATION, TEST)
    assert all(name == each.name for name, each in TASKS.items()) and len(TASKS) >= 24
