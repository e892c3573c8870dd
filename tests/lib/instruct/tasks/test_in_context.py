"""In context: answers follow from what is shown, as often as theory says."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.in_context import (
    CATEGORIES,
    HELD_BACK,
    KEYS,
    KNOWN_KEYS,
    LABELS,
    MODULUS,
    MOST_SHOWN,
    NEW_KEYS,
    NEW_WORDS,
    VALUES,
    best_accuracy,
    categories,
    in_a_row,
    look_up,
    lookup,
    lookup_words,
    seen_chance,
    shift,
)
from lib.instruct.tasks.task import TRAINING, USUAL, VALIDATION

seeds = st.integers(0, 10_000)
some = st.none() | st.integers(0, MOST_SHOWN)
EVERY = pytest.mark.parametrize("make", [shift, lookup, lookup_words, categories])


def read(prompt):
    """What is shown, and what is asked about."""
    *shown, asked = prompt.split("; ")
    pairs = [re.fullmatch(r"(\w+) -> (\w+)", each).groups() for each in shown]
    return pairs, re.fullmatch(r"(\w+) ->", asked)[1]


@settings(max_examples=50)
@given(seeds, some)
def test_one_shift_explains_all(seed, shown):
    example = next(shift(shown).examples(VALIDATION, seed))
    pairs, asked = read(example.prompt)
    pairs.append((asked, example.answer))
    assert len({(int(y) - int(x)) % MODULUS for x, y in pairs}) == 1
    assert all(0 <= int(y) < MODULUS for _, y in pairs)


@settings(max_examples=50)
@given(seeds, some, st.sampled_from([lookup, lookup_words]))
def test_one_table_explains_all(seed, shown, make):
    example = next(make(shown).examples(VALIDATION, seed))
    pairs, asked = read(example.prompt)
    table = dict([*pairs, (asked, example.answer)])
    assert all(table[key] == value for key, value in pairs)
    assert set(table.values()) <= set(VALUES)
    assert set(table) <= set(KEYS if make is lookup else KNOWN_KEYS)
    written = dict(each.split(" ") for each in example.combination.split(", "))
    assert len(written) == 8 and table.items() <= written.items()


KIND = {word: kind for kind, words in CATEGORIES.items() for word in words.split()}


@settings(max_examples=50)
@given(seeds, some, st.sampled_from([USUAL, NEW_WORDS]))
def test_one_label_a_category_explains_all(seed, shown, variant):
    example = next(categories(shown).examples(VALIDATION, seed, variant))
    pairs, asked = read(example.prompt)
    assert asked not in dict(pairs)  # it has to be known by its category
    pairs.append((asked, example.answer))
    labels = {KIND[word]: label for word, label in pairs}
    assert all(labels[KIND[word]] == label for word, label in pairs)
    assert len(labels) <= 3 and set(labels.values()) <= set(LABELS)
    for word, _ in pairs:
        held_back = word in CATEGORIES[KIND[word]].split()[-HELD_BACK:]
        assert held_back == (variant == NEW_WORDS)


@EVERY
def test_as_many_are_shown_as_asked_for(make):
    for shown in (0, 1, 5):
        for example in make(shown).sample(VALIDATION, 10):
            assert len(read(example.prompt)[0]) == shown
    numbers = {len(read(e.prompt)[0]) for e in make().sample(TRAINING, 200)}
    assert numbers == set(range(MOST_SHOWN + 1))
    assert make(2).name == make().name + "_shown_2"
    with pytest.raises(ValueError, match="shown must be 0 or more, or None, got -1"):
        make(-1)


@pytest.mark.parametrize("make", [lookup_words, categories])
def test_new_words_are_in_no_training_prompt(make):
    def words(part, variant):
        sample = make().sample(part, 400, variant=variant)
        return {w for each in sample for w in re.findall("[a-z]+ (?=->)", each.prompt)}

    assert not words(TRAINING, USUAL) & words(VALIDATION, NEW_WORDS)
    assert not {*KNOWN_KEYS, *LABELS} & {*NEW_KEYS}


@pytest.mark.parametrize("shown", [0, 1, 3, 6])
@pytest.mark.parametrize("make", [lookup, lookup_words])
def test_a_reader_gets_what_theory_says(make, shown):
    sample = make(shown).sample(TRAINING, 2_000)
    seen = [read(e.prompt)[1] in dict(read(e.prompt)[0]) for e in sample]
    assert sum(seen) / 2_000 == pytest.approx(seen_chance(8, shown), abs=0.035)
    reader = look_up([])
    right = sum(reader(e.prompt) == e.answer for e in sample) / 2_000
    assert right == pytest.approx(best_accuracy(8, 8, shown), abs=0.035)


@pytest.mark.parametrize("shown", [0, 1, 3, 6])
@pytest.mark.parametrize("variant", [USUAL, NEW_WORDS])
def test_who_knows_the_categories_gets_what_theory_says(variant, shown):
    """The label of a category that was shown; of any other, a guess among eight."""
    sample = categories(shown).sample(VALIDATION, 2_000, variant=variant)
    right = 0
    for example in sample:
        pairs, asked = read(example.prompt)
        labels = {KIND[word]: label for word, label in pairs}
        right += labels.get(KIND[asked], LABELS[0]) == example.answer
    assert right / 2_000 == pytest.approx(best_accuracy(3, 8, shown), abs=0.035)


def test_no_answer_is_likelier_than_another():
    """Which tables are measured says nothing about the answers."""
    for part in (TRAINING, VALIDATION):
        answers = [each.answer for each in lookup(0).sample(part, 2_000)]
        assert all(180 < answers.count(value) < 320 for value in VALUES)


def test_theory_by_hand():
    assert seen_chance(8, 0) == 0 and seen_chance(1, 1) == 1
    assert seen_chance(4, 2) == 7 / 16
    assert best_accuracy(4, 2, 2) == 7 / 16 + 9 / 32
    assert best_accuracy(3, 8, 1) == pytest.approx(0.4167, abs=1e-4)


def test_few_tables_come_again_and_again():
    few = {e.combination for e in lookup(tables=6).sample(TRAINING, 300)}
    assert (
        1
        <= len(few)
        <= 6
        < len({e.combination for e in lookup().sample(TRAINING, 300)})
    )
    more = {e.combination for e in lookup(tables=60).sample(TRAINING, 600)}
    assert few < more and 40 <= len(more) <= 60
    assert lookup(3, tables=6).name == "lookup_of_6_shown_3"


def test_a_row_by_hand():
    assert in_a_row([("a", "3"), ("b", "1")], "a") == "a -> 3; b -> 1; a ->"
    assert in_a_row([], "a") == "a ->"
    assert look_up([])("a -> 3; b -> 1; a ->") == "3" and look_up([])("a ->") == "1"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="tables must be above 0 or None, got 0"):
        lookup(tables=0)
    with pytest.raises(ValueError, match=r"keys must be above 0 .*got 0 and 1"):
        seen_chance(0, 1)
    with pytest.raises(ValueError, match="shown 0 or more, got 1 and -1"):
        seen_chance(1, -1)
    with pytest.raises(ValueError, match="values must be above 0, got 0"):
        best_accuracy(2, 0, 1)
