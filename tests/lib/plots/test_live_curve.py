"""The live curve: drawn anew every so many steps."""

import torch
from matplotlib import pyplot as plt
from torch import nn

from lib import train
from lib.plots import live_curve


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
