"""Checkpoints: a run that is killed goes on where it was, and ends as if it had not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lib.tokens.description import describe as describe_tokenizer
from lib.tokens.description import is_described
from lib.train import distributed
from lib.train.checkpoints import state, storage
from lib.train.checkpoints.settings import (
    Tokenizer,
    check,
    config_of,
    describe,
    kind_of,
    vocabulary,
)
from lib.train.run import Callback, Run

NAME = r"step-\d{8,}"  # of a checkpoint's folder, whole; what is named otherwise stays


class Checkpoint(Callback):
    """Saves the run every `every` steps and at its end, and resumes it at its start.

    When `folder` has a checkpoint, `train` goes on from there and ends with the same
    bits as a run that nothing stopped, given the same model, optimizer, settings and
    batches from their beginning: the first ones are drawn again and dropped. The newest
    `keep` checkpoints stay. Callbacks start when the run has been brought back, and
    then those with a state, such as `EarlyStopping`, get it back. A run that failed
    saves nothing more; one that Ctrl-C ended does. A `tokenizer` of this book is saved
    with the run, and `load_gpt` gives it back with the model.

    Wherever it stands in the list, it comes last among the callbacks. In `folder`
    nothing is touched but what has the very names of checkpoints. `train` raises
    ValueError, and writes nothing, when the newest checkpoint is damaged (remove it to
    resume from the one before) or was made with another shape, configuration,
    optimizer, setting or text, another vocabulary where a `tokenizer` is given, or
    other callbacks with a state.
    """

    comes_last = True

    def __init__(
        self,
        folder: str | Path,
        every: int = 500,
        keep: int = 2,
        tokenizer: Tokenizer | None = None,
    ):
        """Raises ValueError unless `every` and `keep` are above 0, and for a file."""
        if every < 1 or keep < 1:
            raise ValueError(
                f"every and keep must be above 0, got every={every}, keep={keep}"
            )
        self.folder = Path(folder).expanduser()
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"folder must be a folder, got the file {self.folder}")
        self.every = every
        self.keep = keep
        self.tokenizer = tokenizer

    def restore(self, run: Run) -> None:
        """Bring the run to the newest checkpoint, before any callback starts."""
        if sum(isinstance(each, Checkpoint) for each in run.callbacks) > 1:
            raise ValueError("callbacks must have one Checkpoint at most, got more")
        self.drawn = _Remembered(run.batches)
        run.batches = self.drawn
        self.settings = describe(run, self.tokenizer)
        self.parts = resume(run, self.folder, self.settings)
        self.saved = run.step

    def start(self, run: Run) -> None:
        """Undo what other callbacks did when they started: they had done it before."""
        if self.parts:
            state.load_callbacks(self.parts["callbacks"], run)
            give_back(run, self.parts)
        self.parts = {}
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
        parts |= self._written_with(run)
        self.saved = run.step
        if distributed.rank() == 0:
            storage.write(self.folder / f"step-{run.step:08}", parts)
        self._tidy()

    def _written_with(self, run: Run) -> dict[str, Any]:
        """What `load_gpt` needs besides; a resumed run does not look at it."""
        tokenizer = None
        if is_described(self.tokenizer):
            tokenizer = describe_tokenizer(self.tokenizer)
        return {"kind": kind_of(run.model), "tokenizer": tokenizer}

    def _tidy(self) -> None:
        """Leave the newest checkpoints alone, whatever a killed run left behind."""
        if distributed.rank() == 0:
            storage.remove_leftovers(self.folder, NAME)
            for old in list_checkpoints(self.folder)[: -self.keep]:
                storage.remove(old)


class _Remembered:
    """Batches, and the last one that was drawn."""

    def __init__(self, batches: Iterator[tuple[Tensor, ...]]):
        self.batches = batches
        self.last: tuple[Tensor, ...] = ()

    def __iter__(self) -> "_Remembered":
        return self

    def __next__(self) -> tuple[Tensor, ...]:
        self.last = next(self.batches)
        return self.last


def list_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    found = storage.find(Path(folder).expanduser(), NAME)
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def newest(folder: str | Path) -> Path:
    """The last checkpoint in a folder. Raises ValueError when there is none."""
    if not (found := list_checkpoints(folder)):
        raise ValueError(f"folder must hold a checkpoint, found none in {folder}")
    return found[-1]


def load_weights(
    model: nn.Module, folder: str | Path, tokenizer: Tokenizer | None = None
) -> None:
    """Give a model the weights of the newest checkpoint in a folder, and nothing else.

    Raises ValueError when there is none, when it is damaged, and when it is of another
    shape, configuration (dropout aside), or, where a `tokenizer` is given, vocabulary.
    """
    path = newest(folder)
    parts = storage.read(path)
    saved = parts["settings"]
    now: dict[str, Any] = {"config": config_of(model)}
    for config in (saved["config"], now["config"]):
        config.pop("dropout", None)
    if tokenizer is not None:
        now["vocabulary"] = vocabulary(tokenizer)
    check({name: saved[name] for name in now}, now, path)
    state.check_weights(parts["model"], model, path)
    distributed.copy_weights(parts["model"], model)


def resume(run: Run, folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Bring a run to the newest checkpoint of a folder; what is in it, or nothing.

    The model and the optimizer are touched only when everything else has been checked.
    """
    path, parts = _read_newest(folder)
    _check_one_folder(folder, parts)
    if not parts:
        return {}
    check(parts["settings"], settings, path)
    state.check_weights(parts["model"], run.model, path)
    state.check_callbacks(parts["callbacks"], run, path)
    state.load_history(parts["history"], run)
    _draw_again(run, parts["batch"], path)
    give_back(run, parts)
    return parts


def give_back(run: Run, parts: dict[str, Any]) -> None:
    """Give a run the weights, the optimizer and the random numbers of a checkpoint."""
    distributed.copy_weights(parts["model"], run.model)
    distributed.overwrite(run.last_good, run.parts())
    state.load_optimizer(parts["optimizer"], run.optimizer)
    state.load_scaler(parts["scaler"], run.scaler)
    state.load_random_state(parts["random"], run)


def _read_newest(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A damaged one is not passed over for the one before: something is wrong there."""
    found = list_checkpoints(folder)
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
