"""A batch: two tables of whole numbers, and nothing else."""

from typing import get_args

import pytest
import torch

from lib.data.batch import Batch


@pytest.mark.parametrize("kind", get_args(Batch))
def test_ids_and_targets_are_tables_of_whole_numbers(kind):
    assert isinstance(torch.zeros(2, 3, dtype=torch.long), kind)
    assert isinstance(torch.zeros(2, 3, dtype=torch.int32), kind)
    assert not isinstance(torch.zeros(2, 3), kind)
    assert not isinstance(torch.zeros(3, dtype=torch.long), kind)


def test_there_are_two_of_them():
    assert len(get_args(Batch)) == 2
