"""Attention maps: what is drawn is what was given."""

import pytest
import torch

from lib import plots


def test_tokens_stand_on_both_axes():
    ax = plots.attention_map(torch.eye(3), ["a", " ", "\n"], "title", numbers=True)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "·", "↵"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "·", "↵"]
    assert [t.get_text() for t in ax.texts] == "100 0 0 0 100 0 0 0 100".split()
    assert ax.images[0].get_array().tolist() == torch.eye(3).tolist()
    assert ax.images[0].get_clim() == (0, 1)


def test_tokens_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"2 tokens do not fit weights of shape \(3, 3\)"
    ):
        plots.attention_map(torch.eye(3), ["a", "b"])


@pytest.mark.parametrize("heads", [1, 4, 6])
def test_a_picture_for_each_head(heads):
    figure = plots.head_grid(torch.rand(heads, 5, 5), "title")
    assert sum(len(ax.images) for ax in figure.axes) == heads


def test_heads_have_letters_and_names():
    weights = torch.rand(2, 3, 3)
    names = ["layer 0, head 5", "layer 1, head 2"]
    figure = plots.head_grid(weights, columns=2, tokens=list("a b"), names=names)
    assert [ax.get_title("left") for ax in figure.axes] == names
    for ax in figure.axes:
        assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "·", "b"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "·", "b"]
    plain = plots.head_grid(weights).axes[1]
    assert plain.get_title("left") == "head 1" and not len(plain.get_xticks())


@pytest.mark.parametrize("extra", [{"tokens": ["a"]}, {"names": ["a"]}])
def test_letters_and_names_that_do_not_fit_heads_are_refused(extra):
    said = r"[12] names and [01] tokens do not fit weights of shape \(2, 3, 3\)"
    with pytest.raises(ValueError, match=said):
        plots.head_grid(torch.rand(2, 3, 3), **extra)


def test_a_square_for_each_mask():
    masks = {"all": torch.ones(3, 3), "past": torch.ones(3, 3).tril()}
    figure = plots.mask_row(masks, "title")
    assert [ax.get_title("left") for ax in figure.axes] == ["all", "past"]
    shown = figure.axes[1].collections[0].get_array()
    assert shown.flatten().tolist() == masks["past"].flatten().tolist()
    assert figure.axes[1].yaxis_inverted()
