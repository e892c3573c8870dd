"""The copy task and the floor of a reader that is blind to order."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.data.tasks import copy_task, order_blind_loss


@given(st.integers(0, 5), st.integers(6, 12), st.integers(0, 9))
def test_answers_are_the_tokens_some_steps_ago(back, time, seed):
    tokens, answers = next(copy_task(7, back, batch=3, time=time, seed=seed))
    assert tokens.shape == answers.shape == (3, time)
    assert (answers[:, :back] == -1).all()
    assert answers[:, back:].equal(tokens[:, : time - back])


@pytest.mark.parametrize("back", [-1, 6, 9])
def test_a_distance_outside_the_window_is_refused(back):
    with pytest.raises(ValueError, match=rf"0\.\.5, got {back}"):
        copy_task(7, back, batch=1, time=6)  # at once, not at the first batch


def test_answers_without_one_are_refused():
    with pytest.raises(ValueError, match="answers must have at least one above -1"):
        order_blind_loss(torch.tensor([[1, 2]]), torch.tensor([[-1, -1]]))
    with pytest.raises(ValueError, match="vocab and batch must be above 0, got 0"):
        copy_task(0, 0, batch=1, time=6)


def test_order_blind_loss_by_hand():
    tokens = torch.tensor([[4, 4, 5, 9]])  # on the 9, the past is 4, 4, 5
    assert order_blind_loss(tokens, torch.tensor([[-1, -1, -1, 4]])) == pytest.approx(
        -math.log(2 / 3)
    )
    assert order_blind_loss(tokens, torch.tensor([[-1, -1, -1, 5]])) == pytest.approx(
        math.log(3)
    )


def test_no_order_blind_guess_beats_the_floor():
    """Smoothing the shares, at any strength, only makes the bet worse."""
    tokens, answers = next(copy_task(8, back=2, batch=200, time=12))
    floor = order_blind_loss(tokens, answers)
    for smoothing in (0.05, 0.3, 1.0):
        losses = []
        for row, answer in zip(tokens.tolist(), answers.tolist(), strict=True):
            for now in range(2, 12):
                counts = row[:now].count(answer[now]) + smoothing
                losses.append(-math.log(counts / (now + 8 * smoothing)))
        assert sum(losses) / len(losses) > floor
