"""A mixture: each task as often as it should come, and its own examples in order."""

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.mixture import mixture
from lib.instruct.tasks import find_task
from lib.instruct.tasks.task import TEST, TRAINING

THREE = [find_task(name) for name in ("order", "lookup", "python")]


@settings(max_examples=10)
@given(st.integers(0, 1_000), st.sampled_from([TRAINING, TEST]))
def test_a_task_in_a_mixture_gives_its_own_examples(seed, part):
    mixed = list(islice(mixture(THREE, part, seed), 60))
    assert mixed == list(islice(mixture(THREE, part, seed), 60))
    for each in THREE:
        own = [example for example in mixed if example.task == each.name]
        assert own == list(islice(each.examples(part, seed), len(own)))


def test_tasks_come_alike_or_by_their_weights():
    names = [example.task for example in islice(mixture(THREE), 3_000)]
    assert all(900 < count < 1_100 for count in Counter(names).values())
    weights = {"order": 6, "lookup": 3, "python": 1}
    weighed = islice(mixture(THREE, weights=weights), 3_000)
    counts = Counter(example.task for example in weighed)
    for name, weight in weights.items():
        assert abs(counts[name] - 300 * weight) < 150


def test_another_seed_gives_another_mixture():
    first, second = (list(islice(mixture(THREE, seed=n), 9)) for n in (0, 1))
    assert first != second


def test_what_is_no_mixture_is_refused_at_once():
    with pytest.raises(ValueError, match="at least one, got an empty mixture"):
        mixture([])
    with pytest.raises(ValueError, match=r"different names, got \['order'\] twice"):
        mixture([*THREE, find_task("order")])
    with pytest.raises(ValueError, match=r"part must be one of .*, got 'train'"):
        mixture(THREE, "train")


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match="weights must be finite and above 0"):
        mixture(THREE[:1], weights={"order": weight})


@pytest.mark.parametrize("weights", [{}, {"order": 1}, {"order": 1, "odd": 1}])
def test_weights_for_other_tasks_are_refused(weights):
    with pytest.raises(ValueError, match=r"weights must be for .*'python'"):
        mixture(THREE, weights=weights)
