"""Checkpoints: a run that is killed goes on where it was, and ends as if it had not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lib.train import distributed
from lib.train.callbacks import Callback
from lib.train.checkpoints import state, storage
from lib.train.checkpoints.settings import (
    Tokenizer,
    check,
    config_of,
    describe,
    vocabulary,
)
from lib.train.run import Run


class Checkpoint(Callback):
    """Saves the run every `every` steps and at its end, and resumes it at its start.

    When `folder` has a checkpoint, `train` goes on from there and ends with the same
    bits as a run that nothing stopped, given the same model, optimizer, settings and
    batches from their beginning: the first ones are drawn again and dropped. The newest
    `keep` checkpoints stay. A callback whose state matters, such as `EarlyStopping`,
    is saved too; what the others saw before is in the history. A run that failed saves
    nothing more; one that Ctrl-C ended does.

    Stands last among the callbacks. `train` then raises ValueError, and writes nothing,
    when the newest checkpoint is damaged (remove it to resume from the one before) or
    was made with another shape, configuration, optimizer, setting or text, another
    vocabulary where a `tokenizer` is given, or other callbacks with a state.
    """

    def __init__(
        self,
        folder: str | Path,
        every: int = 500,
        keep: int = 2,
        tokenizer: Tokenizer | None = None,
    ):
        """Raises ValueError unless `every` and `keep` are above 0."""
        if every < 1 or keep < 1:
            raise ValueError(
                f"every and keep must be above 0, got every={every}, keep={keep}"
            )
        self.folder, self.every, self.keep = Path(folder), every, keep
        self.tokenizer = tokenizer

    def start(self, run: Run) -> None:
        if run.callbacks[-1] is not self:
            raise ValueError("callbacks must have Checkpoint as the last one")
        run.batches = self.drawn = _Remembered(run.batches)
        self.settings = describe(run, self.tokenizer)
        self.saved = resume(run, self.folder, self.settings)
        self._tidy()

    def after_step(self, run: Run) -> None:
        self.last = state.random_state(run.device), self.drawn.last
        if run.step % self.every == 0:
            self._save(run)

    def finish(self, run: Run) -> None:
        if run.step > self.saved and not run.failed:
            self._save(run)

    def _save(self, run: Run) -> None:
        random, batch = self.last
        parts = state.state_of(run) | {"settings": self.settings}
        parts |= {"random": state.of_all(random), "batch": state.hash_batch(batch)}
        self.saved = run.step
        if distributed.rank() == 0:
            storage.write(self.folder / f"step-{run.step:08}", parts)
        self._tidy()

    def _tidy(self) -> None:
        """Leave the newest checkpoints alone, whatever a killed run left behind."""
        if distributed.rank() == 0:
            storage.remove_leftovers(self.folder)
            for old in checkpoints(self.folder)[: -self.keep]:
                storage.remove(old)


class _Remembered:
    """Batches, and the last one that was drawn."""

    def __init__(self, batches: Iterator[tuple[Tensor, ...]]):
        self.batches, self.last = batches, ()

    def __iter__(self) -> "_Remembered":
        return self

    def __next__(self) -> tuple[Tensor, ...]:
        self.last = next(self.batches)
        return self.last


def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(Path(folder).glob("step-*"))


def load_weights(
    model: nn.Module, folder: str | Path, tokenizer: Tokenizer | None = None
) -> None:
    """Give a model the weights of the newest checkpoint in a folder, and nothing else.

    Raises ValueError when there is none, when it is damaged, and when it is of another
    shape, configuration (dropout aside), or, where a `tokenizer` is given, vocabulary.
    """
    if not (found := checkpoints(folder)):
        raise ValueError(f"folder must hold a checkpoint, found none in {folder}")
    path, parts = found[-1], storage.read(found[-1])
    saved, now = parts["settings"], {"config": config_of(model)}
    for config in (saved["config"], now["config"]):
        config.pop("dropout", None)
    if tokenizer is not None:
        now["vocabulary"] = vocabulary(tokenizer)
    check({name: saved[name] for name in now}, now, path)
    state.check_weights(parts["model"], model, path)
    state.load_weights(parts["model"], model)


def resume(run: Run, folder: Path, settings: dict[str, Any]) -> int:
    """Bring a run to the newest checkpoint of a folder, if any; the step it is at then.

    The model and the optimizer are touched only when everything else has been checked.
    """
    path, parts = _read_newest(folder)
    _check_one_folder(folder, parts)
    if not parts:
        return 0
    check(parts["settings"], settings, path)
    state.check_weights(parts["model"], run.model, path)
    state.load_history(parts["history"], run)
    _draw_again(run, parts["batch"], path)
    state.load_callbacks(parts["callbacks"], run, path)
    state.load_weights(parts["model"], run.model)
    torch._foreach_copy_(run.last_good, run.parts())
    state.load_optimizer(parts["optimizer"], run.optimizer)
    state.load_random_state(parts["random"], run)
    return run.step


def _read_newest(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A damaged one is not passed over for the one before: something is wrong there."""
    found = checkpoints(folder)
    if not found:
        return folder, {}
    try:
        return found[-1], storage.read(found[-1])
    except ValueError as error:
        rest = f"go on from {found[-2]}" if found[1:] else "start again"
        raise ValueError(f"{error}; remove it to {rest}") from error


def _check_one_folder(folder: Path, parts: dict[str, Any]) -> None:
    step = len(parts["history"]["losses"]) if parts else 0
    steps = distributed.gather(torch.tensor([step]))
    if steps.min() < steps.max():
        raise ValueError(
            f"{folder} must be one folder for all processes, "
            f"but they find checkpoints of steps {steps.tolist()}"
        )


def _draw_again(run: Run, expected: str, where: Path) -> None:
    """Drop the batches that were learned from, and see that they are the same ones."""
    batch = ()
    for _ in range(run.step * run.accumulate):
        batch = next(run.batches, ())
    if state.hash_batch(batch) != expected:
        raise ValueError(
            f"batches must be those of {where} from their beginning: the last one that "
            f"step {run.step} saw differs (another text, seed, size, or already begun?)"
        )
