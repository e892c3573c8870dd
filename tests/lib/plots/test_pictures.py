"""Pictures: what is drawn is what was given."""

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

from lib import plots, train
from lib.plots import live_curve
from lib.plots.colors import readable


@pytest.fixture(autouse=True)
def style():
    plots.use_style()
    yield
    plt.close("all")


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


def test_the_loss_curve_names_its_lines():
    ax = plots.loss_curve(
        [3.0, 2.0, 1.0],
        held_out=[(0, 3.1), (2, 1.2)],
        baselines={"bigram": 2.5},
        floors={"entropy": 0.5},
        band=(0.9, 1.3),
    )
    assert {t.get_text() for t in ax.texts} == {"held-out", "bigram", "entropy"}
    training, held_out, baseline, floor = ax.lines
    assert training.get_ydata().tolist() == [3, 2, 1]
    assert list(held_out.get_xdata()) == [0, 2]
    assert (baseline.get_linestyle(), floor.get_linestyle()) == ("--", ":")
    assert len(ax.patches) == 1
    assert "nats" in ax.get_ylabel()


def test_the_names_of_the_loss_curve_keep_clear_of_each_other():
    runs = {"held_out": [(0, 3.0), (1, 1.8)], "floors": {"floor": 1.7}}
    for level, up in ((1.9, -16), (2.5, 6), (1.5, 6)):
        ax = plots.loss_curve([3.0, 2.0], baselines={"4-gram": level}, **runs)
        names = {t.get_text(): t for t in ax.texts}
        assert names["held-out"].xyann == (0, up)
        assert names["floor"].get_ha() == "left"
        assert names["4-gram"].get_ha() == "right"


def test_the_loss_curve_can_look_closer():
    ax = plots.loss_curve([3.0, 2.0], per="word", ylim=(1.5, 2.5))
    assert ax.get_ylabel() == "loss (nats per word)"
    assert ax.get_ylim() == (1.5, 2.5)


def test_each_word_stands_beside_its_place_and_none_covers_another():
    turn = torch.linspace(0, 6, 12)
    places = torch.stack([turn.cos(), turn.sin()], dim=1)
    words = [f"word{n}" for n in range(12)]
    ax = plots.word_map(places, words, ["odd", "even"] * 6, "title")
    ax.figure.canvas.draw()
    assert [line.get_marker() for line in ax.lines] == ["o", "s"]
    assert ax.lines[0].get_xydata().tolist() == places[::2].tolist()
    assert [tuple(t.xy) for t in ax.texts] == [tuple(p) for p in places.tolist()]
    boxes = [t.get_window_extent() for t in ax.texts]
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])


def test_words_without_places_are_refused():
    with pytest.raises(ValueError, match="2 words do not fit 3 places, 2 groups"):
        plots.word_map(torch.zeros(3, 2), ["a", "b"], ["x", "y"])


def test_the_live_curve_is_drawn_every_so_many_steps(monkeypatch):
    shown = []

    class Handle:
        update = shown.append

    monkeypatch.setattr(
        live_curve, "display", lambda figure, **_: shown.append(figure) or Handle
    )
    model = nn.Linear(1, 1)
    train.train(
        model,
        train.adamw(model, lr=0.01),
        iter([(torch.ones(1, 1),)] * 25),
        steps=25,
        objective=lambda model, batch: model(*batch).square().mean(),
        callbacks=[live_curve.LiveCurve(every=10, baselines={"bigram": 2.5})],
    )
    assert len(shown) == 3  # after steps 10, 20 and the last
    assert not plt.get_fignums()  # nothing is left to be drawn twice


def test_the_mean_of_the_last_losses():
    assert plots.smooth([4.0, 2.0, 0.0, 6.0], span=2) == [4, 3, 1, 3]
    assert plots.smooth([], span=5) == []


def test_curves_have_their_names_at_their_ends():
    runs = {"whole": ([1, 2], [3.0, 1.0]), "cut": ([1, 2], [3.0, 1.01])}
    ax = plots.compare_curves(runs, "title", baselines={"bigram": 2.5})
    whole, cut, baseline = ax.lines
    assert whole.get_color() == "C0" and cut.get_ydata().tolist() == [3, 1.01]
    assert baseline.get_linestyle() == "--"
    names = {t.get_text(): t for t in ax.texts}
    assert set(names) == {"whole", "cut", "bigram"}
    assert names["cut"].xyann[1] - names["whole"].xyann[1] > 0.05  # one above the other
    assert (names["cut"].xy[1], names["whole"].xy[1]) == (1.01, 1.0)  # tied to its end
    assert names["cut"].arrow_patch and not names["bigram"].arrow_patch
    assert names["cut"].get_color() == readable("C1")


def test_a_square_for_each_mask():
    masks = {"all": torch.ones(3, 3), "past": torch.ones(3, 3).tril()}
    figure = plots.mask_row(masks, "title")
    assert [ax.get_title("left") for ax in figure.axes] == ["all", "past"]
    shown = figure.axes[1].collections[0].get_array()
    assert shown.flatten().tolist() == masks["past"].flatten().tolist()
    assert figure.axes[1].yaxis_inverted()
