"""Eight bits: how far a number moves, what stays as it is, what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.hub.int8 import from_int8, to_int8


@given(st.integers(1, 6), st.integers(1, 9), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_no_number_moves_by_more_than_half_a_scale(rows, columns, size, seed):
    random = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, columns, generator=random) * size
    matrix *= torch.rand(rows, 1, generator=random) + 0.01
    values, scale = to_int8(matrix)
    assert values.dtype == torch.int8 and scale.shape == (rows, 1)
    assert values.abs().amax(1).eq(127).all()  # each row uses all of its range
    moved = (from_int8(values, scale) - matrix).abs()
    assert (moved <= scale / 2 * (1 + 1e-4)).all()


def test_it_equals_pytorchs_quantization_by_channel():
    matrix = torch.randn(5, 16)
    values, scale = to_int8(matrix)
    theirs = torch.fake_quantize_per_channel_affine(
        matrix, scale[:, 0], torch.zeros(5, dtype=torch.int32), 0, -127, 127
    )
    torch.testing.assert_close(from_int8(values, scale), theirs)


def test_zeros_stay_zero_and_what_is_not_finite_is_refused():
    matrix = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    assert from_int8(*to_int8(matrix))[0].eq(0).all()
    for bad in (torch.inf, torch.nan):
        with pytest.raises(ValueError, match="finite"):
            to_int8(torch.tensor([[bad]]))
