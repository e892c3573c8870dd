"""A loss curve that grows while a model learns."""

import matplotlib.pyplot as plt
from IPython.display import display

from lib.plots.curves import loss_curve
from lib.train.callbacks import Callback
from lib.train.run import Run


class LiveCurve(Callback):
    """Redraws the loss curve of a run as the model learns, every `every` steps.

    It shows what `lib.train.Evaluate`, standing before it, has measured. Other
    arguments are those of `loss_curve`.
    """

    def __init__(self, every: int = 100, **curve):
        self.every, self.curve, self.picture = every, curve, None

    def after_step(self, run: Run) -> None:
        if run.step % self.every and run.step < run.steps:
            return
        history = run.history
        figure = loss_curve(
            history.losses, held_out=history.held_out, **self.curve
        ).figure
        if self.picture is None:
            self.picture = display(figure, display_id=True)
        else:
            self.picture.update(figure)
        plt.close(figure)
