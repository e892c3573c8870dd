"""A mixture: examples of many tasks, in one stream.

Tasks come by turns at random, each as often as its weight says, however long its
answers are. Examples are counted here; a loss that counts tokens gives long ones more.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from lib.instruct.tasks.task import TRAINING, Example, Task


def mixture(
    tasks: Sequence[Task],
    part: str = TRAINING,
    seed: int = 0,
    weights: Mapping[str, float | int] | None = None,
) -> Iterator[Example]:
    """Endless examples of a part, of a task drawn anew each time.

    `weights` says how often each task comes, by its name; without it all come alike. A
    task's own examples are those of `task.examples(part, seed)`, in that order. Raises
    ValueError for no task, for two of one name, for weights that do not fit the tasks,
    and for an unknown part.
    """
    names = check_tasks(tasks)
    shares = [1.0] * len(names) if weights is None else _checked(weights, names)
    streams = [task.examples(part, seed) for task in tasks]
    return _mixture(streams, shares, Random(f"mixture/{part}/{seed}"))


def check_tasks(tasks: Sequence[Task]) -> list[str]:
    """The names of the tasks. Raises ValueError for no task, or two of one name."""
    names = [task.name for task in tasks]
    if not names:
        raise ValueError("tasks must hold at least one, got an empty mixture")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"tasks must have different names, got {twice} twice")
    return names


def _checked(weights: Mapping[str, float | int], names: list[str]) -> list[float]:
    """The weights in the order of the tasks."""
    if set(weights) != set(names):
        raise ValueError(f"weights must be for {names}, got {list(weights)}")
    shares = [float(weights[name]) for name in names]
    if not all(math.isfinite(share) and share > 0 for share in shares):
        raise ValueError(f"weights must be finite and above 0, got {dict(weights)}")
    return shares


def _mixture(
    streams: list[Iterator[Example]], shares: list[float], random: Random
) -> Iterator[Example]:
    while True:
        (stream,) = random.choices(streams, shares)
        yield next(stream)
