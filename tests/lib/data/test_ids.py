"""Ids of every type of integer come in, and nothing else does."""

import inspect

import numpy as np
import pytest
import torch

from lib.data.ids import INTEGERS, as_ids, id_list

plain = inspect.unwrap(as_ids)


@pytest.mark.parametrize("dtype", sorted(INTEGERS, key=str))
def test_integers_become_64_bits(dtype):
    found = plain(torch.tensor([0, 3, 100]).to(dtype), "ids", 101)
    assert found.dtype == torch.long and found.tolist() == [0, 3, 100]


@pytest.mark.parametrize(
    "ids",
    [
        torch.tensor([0.0]),
        torch.tensor([True]),
        torch.tensor(3),
        torch.tensor([[1]]),
        [1, 2],
        np.array([1]),
        "ids",
        None,
    ],
)
def test_what_is_no_vector_of_ids_is_refused(ids):
    with pytest.raises(ValueError, match="words must be a tensor of integers with one"):
        plain(ids, "words")


@pytest.mark.parametrize("ids, span", [([0, 5], "0..5"), ([-1, 2], "-1..2")])
def test_ids_outside_are_refused(ids, span):
    with pytest.raises(ValueError, match=rf"words must lie in 0\.\.4, got {span}"):
        plain(torch.tensor(ids), "words", 5)


@pytest.mark.parametrize(
    "ids",
    [
        [0, 2],
        (0, 2),
        range(0, 3, 2),
        np.array([0, 2], dtype=np.uint8),
        torch.tensor([0, 2], dtype=torch.uint16),
        list(torch.tensor([0, 2])),
    ],
)
def test_any_row_of_whole_numbers_becomes_a_list(ids):
    found = id_list(ids, 3)
    assert found == [0, 2] and {type(number) for number in found} == {int}


@pytest.mark.parametrize(
    "ids", [3, None, "ab", [0.5], [[1]], torch.tensor([[1]]), torch.tensor(1)]
)
def test_what_is_no_row_of_whole_numbers_is_refused(ids):
    with pytest.raises(ValueError, match="ids must be one row of whole numbers, got"):
        inspect.unwrap(id_list)(ids, 3)
