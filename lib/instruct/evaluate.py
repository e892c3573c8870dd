"""Evaluation: one table for any model, with intervals, and with baselines beside it.

A model is a function from a prompt to a reply, or has `replies`, which answers many
conversations at once. All answer the same questions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from lib.instruct.mixture import check_tasks
from lib.instruct.tasks.baselines import EVERY
from lib.instruct.tasks.task import TRAINING, USUAL, VALIDATION, Example, Task
from lib.measure.slices import Slice, averaged, counted

BASELINE_EXAMPLES = 2_000  # that baselines learn from
ACCURACY = "accuracy"  # of a task without a metric of its own


@runtime_checkable
class Talker(Protocol):
    """A model that answers conversations: turns of the user and its own, by turns."""

    def replies(self, conversations: Sequence[Sequence[str]]) -> list[str]:
        """One reply to each conversation."""
        ...


Model = Talker | Callable[[str], str]


class Score(NamedTuple):
    """How often a model was right in a task, with the 95 % interval of its share.

    Where a task has a metric of its own, the result is the mean of its grades.
    """

    task: str
    variant: str
    model: str
    result: Slice
    metric: str = ACCURACY


def evaluate(
    models: Mapping[str, Model],
    tasks: Sequence[Task],
    size: int = 200,
    *,
    part: str = VALIDATION,
    variant: str = USUAL,
    seed: int = 0,
    baselines: int = BASELINE_EXAMPLES,
) -> list[Score]:
    """Ask every model `size` questions of each task; a score for each of both.

    Where a part has fewer questions, all are asked; the score says how many.
    Baselines come after the models: those that every task has and the task's own, each
    learned from so many (`baselines`) training examples; with 0 there are none. Raises
    ValueError for no task, no model and no baseline, a name that is a baseline's, an
    unknown part or variant, and a part without questions.
    """
    check_tasks(tasks)
    if not models and not baselines:
        raise ValueError("models must hold at least one, got none, and no baselines")
    scores = []
    for task in tasks:
        asked = task.sample(part, size, seed, variant, fewer=True)
        rivals = fit_baselines(task, baselines) if baselines else {}
        if taken := sorted(models.keys() & rivals.keys()):
            raise ValueError(f"models must not be called like baselines, got {taken}")
        for name, model in {**models, **rivals}.items():
            result = measured(task, asked, replies(model, asked))
            metric = task.metric.name if task.metric else ACCURACY
            scores.append(Score(task.name, variant, name, result, metric))
    return scores


def replies(model: Model, examples: Sequence[Example]) -> list[str]:
    """What a model replies to each example; it is not shown the answer.

    Raises ValueError when a reply is no text, or there is not one for each example.
    """
    if isinstance(model, Talker):
        given = model.replies([example.turns for example in examples])
    else:
        given = [model(example.prompt) for example in examples]
    if strange := [reply for reply in given if not isinstance(reply, str)]:
        raise ValueError(f"a model must reply with text, got {strange[0]!r}")
    if len(given) != len(examples):
        raise ValueError(f"{len(given)} replies do not fit {len(examples)} examples")
    return given


def grade(task: Task, examples: Sequence[Example], given: Sequence[str]) -> list[bool]:
    """Which replies the task accepts."""
    return [
        task.accepts(example, reply)
        for example, reply in zip(examples, given, strict=True)
    ]


def measured(task: Task, examples: Sequence[Example], given: Sequence[str]) -> Slice:
    """The share of replies that the task accepts, or the mean grade by its metric."""
    if not task.metric:
        return counted(grade(task, examples, given))
    pairs = zip(examples, given, strict=True)
    return averaged([task.metric.grade(example, reply) for example, reply in pairs])


def fit_baselines(task: Task, size: int = BASELINE_EXAMPLES) -> dict[str, Model]:
    """The baselines of a task by name, each learned from the same training examples.

    The examples may repeat, as they do in training. Raises ValueError for a size below
    1.
    """
    if size < 1:
        raise ValueError(f"size must be above 0, got {size}")
    stream = task.examples(TRAINING)
    examples = [next(stream) for _ in range(size)]
    return {name: fit(examples) for name, fit in (EVERY | dict(task.baselines)).items()}


def table(scores: Sequence[Score]) -> str:
    """The scores in Markdown: a row for each task and variant, a column for each model.

    A cell has the accuracy and its interval, in percent; where it is another metric,
    the row says so. Raises ValueError for no scores.
    """
    if not scores:
        raise ValueError("scores must hold at least one, got none")
    models = list(dict.fromkeys(score.model for score in scores))
    rows: dict[str, dict[str, str]] = {}
    for score in scores:
        what = (score.task, score.variant, score.metric)
        name = ", ".join(part for part in what if part not in (USUAL, ACCURACY))
        rows.setdefault(name, {})[score.model] = percent(score.result)
    lines = [["task", *models], ["---", *("---:" for _ in models)]]
    lines += [[name, *(row.get(m, "") for m in models)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(result: Slice) -> str:
    """For example "97 (94 to 99)"."""
    share, low, high = (
        f"{100 * value:.0f}" for value in (result.accuracy, result.low, result.high)
    )
    return f"{share} ({low} to {high})"
