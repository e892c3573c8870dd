"""Schedules: where they begin and end, and the same numbers as PyTorch's."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.train import (
    cosine,
    exponential_rise,
    linear_decay,
    slanted_triangle,
    warm_up_stable_decay,
)

ALL = [warm_up_stable_decay, cosine, linear_decay, slanted_triangle, exponential_rise]


@pytest.mark.parametrize("schedule", ALL)
@given(st.integers(1, 400), st.data())
def test_a_factor_lies_above_0_and_up_to_1(schedule, steps, data):
    step = data.draw(st.integers(0, steps - 1))
    assert 0 < schedule(step, steps) <= 1


@pytest.mark.parametrize(
    "schedule, first, last",
    [
        (warm_up_stable_decay, 1 / 50, 1 / 120),
        (cosine, 1 / 50, 0.1),
        (linear_decay, 1, 1 / 200),
        (slanted_triangle, 1 / 20, 1 / 180),
        (exponential_rise, 1e-4, 1),
    ],
)
def test_how_a_run_of_200_steps_begins_and_ends(schedule, first, last):
    assert schedule(0, 200) == pytest.approx(first)
    assert schedule(199, 200) == pytest.approx(last, abs=1e-3)


def rates(scheduler_of, steps):
    """The learning rates of a PyTorch scheduler, from a base rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, found = scheduler_of(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_is_pytorchs():
    theirs = rates(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 90, eta_min=0.1), 90
    )
    ours = [cosine(step, 90, warm_up=0) for step in range(90)]
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_linear_and_exponential_are_pytorchs():
    kind = torch.optim.lr_scheduler
    theirs = rates(lambda o: kind.LinearLR(o, 1.0, 1e-12, total_iters=60), 60)
    assert [linear_decay(s, 60) for s in range(60)] == pytest.approx(theirs, abs=1e-9)
    factor = 1e4 ** (1 / 59)
    theirs = rates(lambda o: kind.ExponentialLR(o, factor), 60)
    ours = [exponential_rise(step, 60) * 1e4 for step in range(60)]
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_slanted_triangle_is_that_of_transformers_a_step_later():
    from transformers import get_linear_schedule_with_warmup

    theirs = rates(lambda o: get_linear_schedule_with_warmup(o, 20, 200), 200)
    ours = [slanted_triangle(step, 200) for step in range(200)]
    assert ours[:20] == pytest.approx(theirs[1:21])  # theirs begins at 0
    assert ours[20:] == pytest.approx(theirs[20:])


def test_three_parts_of_warm_up_stable_decay():
    factors = [warm_up_stable_decay(step, 1000) for step in range(1000)]
    assert factors[:50] == pytest.approx([(step + 1) / 50 for step in range(50)])
    assert set(factors[50:400]) == {1.0}
    falls = [a - b for a, b in pairwise(factors[400:])]
    assert falls == pytest.approx([1 / 600] * 599)


def test_warm_up_of_cosine_meets_its_top():
    assert cosine(49, 200) == cosine(50, 200) == 1
    assert math.isclose(cosine(125, 200), 0.55)


def test_a_slope_may_have_no_steps():
    flat = [warm_up_stable_decay(n, 9, warm_up=0, decay=0) for n in range(9)]
    assert flat == [1.0] * 9
    falls = [warm_up_stable_decay(n, 9, warm_up=0, decay=1) for n in range(9)]
    assert falls == pytest.approx([linear_decay(n, 9) for n in range(9)])
    assert [slanted_triangle(n, 9, rise=0) for n in range(9)] == falls
    climbs = [slanted_triangle(n, 9, rise=1) for n in range(9)]
    assert climbs == pytest.approx([(n + 1) / 9 for n in range(9)])
    assert cosine(0, 9, warm_up=0) == 1
    assert cosine(3, 9, warm_up=20) == 4 / 20


@pytest.mark.parametrize("schedule", ALL)
def test_a_run_of_no_steps_or_one_has_a_factor(schedule):
    for steps in (0, 1):
        assert 0 <= schedule(0, steps) <= 1


@pytest.mark.parametrize(
    "schedule, setting, words",
    [
        (warm_up_stable_decay, {"warm_up": -1}, "warm_up must be 0 or more, got -1"),
        (warm_up_stable_decay, {"decay": -0.1}, "decay must be between 0 and 1, got"),
        (warm_up_stable_decay, {"decay": 1.1}, "decay must be between 0 and 1, got"),
        (warm_up_stable_decay, {"decay": math.nan}, "decay must be .*, got nan"),
        (cosine, {"warm_up": -1}, "warm_up must be 0 or more, got -1"),
        (slanted_triangle, {"rise": -0.1}, "rise must be between 0 and 1, got -0.1"),
        (slanted_triangle, {"rise": 2.0}, "rise must be between 0 and 1, got 2.0"),
        (exponential_rise, {"start": 0.0}, "start must be above 0 and at most 1"),
        (exponential_rise, {"start": 1.5}, "start must be above 0 and at most 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(schedule, setting, words):
    with pytest.raises(ValueError, match=words):
        schedule(3, 9, **setting)
