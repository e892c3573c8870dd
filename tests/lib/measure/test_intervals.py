"""Intervals: the mean and its standard error, as SciPy has them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem

from lib.measure.intervals import mean_and_error

numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=2, max_size=9))
def test_the_error_is_scipys(values):
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(math.fsum(values) / len(values), abs=1e-6)
    assert error == pytest.approx(sem(values), abs=1e-6)


@given(numbers)
def test_a_single_measurement_has_no_error(value):
    assert mean_and_error([value]) == (value, 0.0)


def test_numbers_of_a_tensor_are_numbers():
    assert mean_and_error(torch.tensor([1.0, 2.0]).tolist()) == (1.5, 0.5)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="values must be finite, and at least one"):
        mean_and_error(values)
