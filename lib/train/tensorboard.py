"""TensorBoard: the curves of a run, to watch in a browser while it learns."""

import time
from pathlib import Path

from lib.train import distributed
from lib.train.run import Callback, Run


class TensorBoard(Callback):
    """Writes a run's curves to `folder`, for `tensorboard --logdir FOLDER`.

    Every `every` steps: "loss" and, when it was measured at that step, "held-out loss"
    in nats, "learning rate" (the schedule's factor), "gradient norm" and "tokens per
    second". Stands after the `Evaluate` that measures. A resumed run goes on with its
    curves, in place of what was drawn after its checkpoint.
    """

    def __init__(self, folder: str | Path, every: int = 1):
        """Raises ImportError without the package, ValueError unless `every` > 0."""
        if every < 1:
            raise ValueError(f"every must be above 0, got {every}")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "TensorBoard needs the package tensorboard: pip install tensorboard"
            ) from error
        self.folder = Path(folder).expanduser()
        self.every = every
        self.open = SummaryWriter

    def start(self, run: Run) -> None:
        self.writer = None
        self.time = time.perf_counter()
        self.tokens = 0

    def after_step(self, run: Run) -> None:
        if distributed.rank() > 0 or run.step % self.every:
            return
        if self.writer is None:  # a resumed run may have no step left
            self.writer = self.open(str(self.folder), purge_step=run.step)
        for name, value in self._scalars(run).items():
            self.writer.add_scalar(name, value, run.step)

    def finish(self, run: Run) -> None:
        if self.writer is not None:
            self.writer.close()

    def _scalars(self, run: Run) -> dict[str, float]:
        history = run.history
        scalars = {
            "loss": history.losses[-1],
            "learning rate": history.rates[-1],
            "gradient norm": history.norms[-1],
        }
        if history.held_out and history.held_out[-1][0] == run.step:
            scalars["held-out loss"] = history.held_out[-1][1]
        return scalars | self._speed(history.tokens)

    def _speed(self, tokens: int) -> dict[str, float]:
        """Measured between two calls, so the first has none."""
        seconds = time.perf_counter() - self.time
        before = self.tokens
        self.time += seconds
        self.tokens = tokens
        return {"tokens per second": (tokens - before) / seconds} if before else {}
