"""Callbacks: what hangs on the loop without making it longer."""

from collections.abc import Callable, Iterable
from math import isnan
from typing import Any

from torch import Tensor

from lib.model.modes import unwrap
from lib.train import distributed
from lib.train.objectives import check_batches, evaluate
from lib.train.run import Callback, Run


class Every(Callback):
    """Calls `look(run)` every `steps` steps and keeps (step, result) in `results`.

    With a `Checkpoint`, results must be what it can store: tensors, numbers, words, and
    lists, tuples or dicts of them.
    """

    def __init__(self, steps: int, look: Callable[[Run], Any]):
        """Raises ValueError unless `steps` is above 0."""
        if steps < 1:
            raise ValueError(f"steps must be above 0, got {steps}")
        self.steps = steps
        self.look = look
        self.results: list[tuple[int, Any]] = []

    def start(self, run: Run) -> None:
        self.results = []

    def after_step(self, run: Run) -> None:
        if run.step % self.steps == 0 or run.step == run.steps:
            self.results.append((run.step, self.look(run)))

    def state_dict(self) -> dict[str, Any]:
        return {"results": self.results} if self.results else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.results = state["results"]


class Evaluate(Every):
    """Measures the held-out loss every `steps` steps; `run.history.held_out` has it."""

    def __init__(self, steps: int, batches: Iterable[tuple[Tensor, ...]]):
        """Raises ValueError when there is no batch, or no end of them."""
        super().__init__(steps, self._measure)
        self.batches = list(check_batches(batches))

    def start(self, run: Run) -> None:
        """Raises ValueError when no batch has a target."""
        super().start(run)
        targets = sum(run.count(batch) for batch in self.batches)
        if not distributed.total(targets):
            raise ValueError("batches to evaluate must have a target, got none")

    def _measure(self, run: Run) -> float:
        loss = evaluate(run.model, self.batches, run.objective, run.count)
        run.history.held_out.append((run.step, loss))
        return loss


class EarlyStopping(Callback):
    """Ends the run when the held-out loss has not fallen for `patience` measurements.

    The model then gets back the weights of its best measurement; NaN is never the best.
    Stands after the `Evaluate` that measures. Source: Prechelt 1998, "Early Stopping -
    But When?".
    """

    def __init__(self, patience: int):
        """Raises ValueError unless `patience` is above 0."""
        if patience < 1:
            raise ValueError(f"patience must be above 0, got {patience}")
        self.patience = patience
        self.best: tuple[int, float] | None = None  # step, nats
        self.weights: dict[str, Tensor] = {}

    def start(self, run: Run) -> None:
        self.best = None
        self.weights = {}

    def after_step(self, run: Run) -> None:
        held_out = run.history.held_out
        if not held_out or held_out[-1][0] != run.step:
            return
        if self._improves(held_out[-1][1]):
            self.best = held_out[-1]
            state = unwrap(run.model).state_dict()
            self.weights = {name: tensor.clone() for name, tensor in state.items()}
        best_step = self.best[0] if self.best else 0
        worse = [step for step, _ in held_out if step > best_step]
        if len(worse) >= self.patience:
            run.history.stopped = self._reason()

    def finish(self, run: Run) -> None:
        if self.weights:
            distributed.copy_weights(self.weights, run.model)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "weights": self.weights} if self.weights else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
        self.weights = state["weights"]

    def _improves(self, loss: int | float) -> bool:
        return not isnan(loss) and (self.best is None or loss < self.best[1])

    def _reason(self) -> str:
        if self.best is None:
            return "the held-out loss was never a number"
        return f"the held-out loss was best at step {self.best[0]}"
