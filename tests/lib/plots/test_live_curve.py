"""The live curve: what it refuses, and that a new run gets a picture of its own."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from lib import train
from lib.plots import live_curve


@pytest.mark.parametrize("every", [0, -3])
def test_a_number_below_one_is_refused(every):
    with pytest.raises(ValueError, match=f"every must be above 0, got {every}"):
        live_curve.LiveCurve(every)


def test_all_that_is_asked_for_is_drawn(monkeypatch):
    shown = []

    class Handle:
        update = shown.append

    monkeypatch.setattr(
        live_curve, "display", lambda figure, **_: shown.append("new") or Handle
    )
    curve = live_curve.LiveCurve(
        1,
        title="it learns",
        floors={"noise": 0.5},
        band=(0.1, 0.2),
        per="word",
        ylim=(0.0, 3.0),
    )
    for _ in range(2):
        model = nn.Linear(1, 1)
        train.train(
            model,
            train.adamw(model, lr=0.01),
            [(torch.ones(1, 1),)] * 2,
            steps=2,
            objective=lambda model, batch: model(*batch).square().mean(),
            callbacks=[curve],
        )
    assert shown[0] == shown[2] == "new" and len(shown) == 4
    (axes,) = shown[1].axes
    assert axes.get_title(loc="left") == "it learns" and axes.get_ylim() == (0, 3)
    assert axes.get_ylabel() == "loss (nats per word)"
    assert [text.get_text() for text in axes.texts] == ["noise"]
    assert not plt.get_fignums()


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
