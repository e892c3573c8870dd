"""Masks: who may look at whom, by hand."""

import pytest
import torch

from lib.model.masks import causal_mask, combine_masks, packed_mask, padding_mask


def test_causal_mask_by_hand():
    expected = [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(3)[0, 0].tolist() == expected


def test_padding_mask_by_hand():
    assert padding_mask([1, 3, 0], 3)[:, 0, 0].tolist() == [
        [True, False, False],
        [True, True, True],
        [False, False, False],
    ]


def test_packed_mask_by_hand():
    mask = packed_mask(torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]]))
    assert mask.shape == (2, 1, 4, 4)
    assert mask[0, 0].tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]
    assert mask[1, 0].equal(causal_mask(4)[0, 0])


def test_combined_masks_allow_what_all_allow():
    causal, padding = causal_mask(3), padding_mask([3, 1], 3)
    both = combine_masks(causal, padding)
    assert both.shape == (2, 1, 3, 3)
    assert both[0].equal(causal[0])
    assert both[1, 0].tolist() == [[True, False, False]] * 3
    assert combine_masks(causal).equal(causal)


@pytest.mark.parametrize("lengths", [[4], [-1], [2, 9]])
def test_lengths_that_do_not_fit_are_refused(lengths):
    with pytest.raises(ValueError, match=r"lengths must lie in 0\.\.3, got"):
        padding_mask(lengths, 3)


def test_combining_no_masks_is_refused():
    with pytest.raises(ValueError, match="at least one mask"):
        combine_masks()
