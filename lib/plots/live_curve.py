"""A loss curve that grows while a model learns."""

from typing import Any

import matplotlib.pyplot as plt
from IPython.display import display

from lib.plots.curves import loss_curve
from lib.train import Callback, Run


class LiveCurve(Callback):
    """Redraws the loss curve of a run as the model learns, every `every` steps.

    It shows what `lib.train.Evaluate`, standing before it, has measured.
    """

    def __init__(
        self,
        every: int = 100,
        *,
        title: str = "",
        baselines: dict[str, float] | None = None,
        floors: dict[str, float] | None = None,
        band: tuple[float, float] | None = None,
        per: str = "token",
        ylim: tuple[float, float] | None = None,
    ):
        """All but `every` is for `loss_curve`. Raises ValueError unless `every` > 0."""
        if every < 1:
            raise ValueError(f"every must be above 0, got {every}")
        self.every = every
        self.title = title
        self.baselines = baselines
        self.floors = floors
        self.band = band
        self.per = per
        self.ylim = ylim
        self.picture: Any = None  # where it is shown

    def start(self, run: Run) -> None:
        self.picture = None

    def after_step(self, run: Run) -> None:
        if run.step % self.every and run.step < run.steps:
            return
        axes = loss_curve(
            run.history.losses,
            held_out=run.history.held_out,
            title=self.title,
            baselines=self.baselines,
            floors=self.floors,
            band=self.band,
            per=self.per,
            ylim=self.ylim,
        )
        figure = axes.figure.get_figure(root=True)
        if self.picture is None:
            self.picture = display(figure, display_id=True)
        else:
            self.picture.update(figure)
        plt.close(figure)
