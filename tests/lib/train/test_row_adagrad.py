"""Adagrad by rows: with one number in a row it is torch's; directions are kept."""

import pytest
import torch
from torch import nn

from lib.train.row_adagrad import RowAdagrad


def table(columns):
    torch.manual_seed(0)
    return nn.Parameter(torch.randn(5, columns))


def descend(weights, optimizer, steps=4):
    for step in range(steps):
        optimizer.zero_grad()
        ((weights + 0.3 * step) ** 4).sum().backward()
        weights.grad[2] *= step == 1  # a rare word
        optimizer.step()
    return weights


def test_rows_of_one_number_move_as_in_torch():
    ours, theirs = table(1), table(1)
    descend(ours, RowAdagrad([ours], 0.1))
    descend(theirs, torch.optim.Adagrad([theirs], 0.1))
    torch.testing.assert_close(ours, theirs)


def test_a_row_moves_where_its_gradient_points_and_as_far_as_its_past_allows():
    weights = table(3)
    optimizer, before = RowAdagrad([weights], 0.1), weights.detach().clone()
    weights.grad = gradient = torch.randn(5, 3)
    optimizer.step()
    size = gradient.square().mean(dim=1, keepdim=True).sqrt()
    torch.testing.assert_close(before - weights, 0.1 * gradient / size)
    optimizer.step()
    step = 0.1 * gradient / size * (1 + 2**-0.5)
    torch.testing.assert_close(before - weights, step)


def test_a_row_without_gradient_stays():
    weights = table(3)
    before = weights.detach().clone()
    weights.grad = torch.zeros(5, 3)
    RowAdagrad([weights], 0.1).step()
    assert weights.equal(before)


def test_a_run_goes_on_from_its_state():
    weights = table(3)
    first = RowAdagrad([weights], 0.1)
    descend(weights, first)
    again = RowAdagrad([weights], 0.1)
    again.load_state_dict(first.state_dict())
    assert again.state[weights]["sum"].equal(first.state[weights]["sum"])


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="lr must be at least 0, got lr=-1"):
        RowAdagrad([table(2)], -1.0)
    with pytest.raises(ValueError, match=r"params must be tables, got \(3,\)"):
        RowAdagrad([nn.Parameter(torch.ones(3))])
