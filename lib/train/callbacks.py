"""Callbacks: what hangs on the loop without making it longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lib.train.objectives import evaluate

if TYPE_CHECKING:
    from lib.train.run import Run


class Callback:
    """Does nothing: a callback overrides what it needs."""

    def start(self, run: Run) -> None:
        """Called before the first step."""

    def after_step(self, run: Run) -> None:
        """Called after every step; `run.step` steps have been taken."""

    def finish(self, run: Run) -> None:
        """Called at the end, last callback first, also when the run failed."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know: tensors, numbers and words, also in lists."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class Every(Callback):
    """Calls `look(run)` every `steps` steps and keeps (step, result) in `results`."""

    def __init__(self, steps: int, look: Callable[[Run], Any]):
        """Raises ValueError unless `steps` is above 0."""
        if steps < 1:
            raise ValueError(f"steps must be above 0, got {steps}")
        self.steps, self.look = steps, look
        self.results: list[tuple[int, Any]] = []

    def after_step(self, run: Run) -> None:
        if run.step % self.steps == 0 or run.step == run.steps:
            self.results.append((run.step, self.look(run)))


class Evaluate(Every):
    """Measures the held-out loss every `steps` steps; `run.history.held_out` has it."""

    def __init__(self, steps: int, batches: Iterable[tuple[Tensor, ...]]):
        self.batches = list(batches)
        super().__init__(steps, self._measure)

    def _measure(self, run: Run) -> float:
        loss = evaluate(run.model, self.batches, run.objective)
        run.history.held_out.append((run.step, loss))
        return loss


class EarlyStopping(Callback):
    """Ends the run when the held-out loss has not fallen for `patience` measurements.

    The model then gets back the weights of its best measurement. Stands after the
    `Evaluate` that measures. Source: Prechelt 1998, "Early Stopping - But When?".
    """

    def __init__(self, patience: int):
        """Raises ValueError unless `patience` is above 0."""
        if patience < 1:
            raise ValueError(f"patience must be above 0, got {patience}")
        self.patience = patience
        self.best: tuple[int, float] | None = None  # step, nats
        self.weights: dict[str, Tensor] = {}

    def start(self, run: Run) -> None:
        self.best, self.weights = None, {}

    def after_step(self, run: Run) -> None:
        held_out = run.history.held_out
        if not held_out or held_out[-1][0] != run.step:
            return
        if self.best is None or held_out[-1][1] < self.best[1]:
            self.best = held_out[-1]
            state = run.model.state_dict()
            self.weights = {name: tensor.clone() for name, tensor in state.items()}
        worse = [step for step, _ in held_out if step > self.best[0]]
        if len(worse) >= self.patience:
            run.history.stopped = f"the held-out loss was best at step {self.best[0]}"

    def finish(self, run: Run) -> None:
        if self.weights:
            run.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "weights": self.weights} if self.weights else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.weights = tuple(state["best"]), state["weights"]
