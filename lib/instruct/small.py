"""Small: a tiny GPT learns one task from random weights, in seconds.

What it can do afterwards was in no text that it read before. Examples are drawn anew in
every step, so that none comes twice but where a task has few.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from lib.data.batch import Batch
from lib.instruct.answers import conversation
from lib.instruct.packing import stack
from lib.instruct.tasks.task import TRAINING, Example, Task
from lib.instruct.template import END, ROLES, Lesson, Template, special_token
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.model.modes import evaluating
from lib.tokens.tokenizer import BytePairTokenizer
from lib.train.loop import train
from lib.train.optimizers import muon
from lib.train.run import Callback, History
from lib.train.schedules import warm_up_stable_decay

CONTEXT, READ = 128, 1_000  # tokens at most; examples that a tokenizer learns from
VOCAB = 2_048  # more than there are words, so that each becomes a token


def tiny_gpt(vocab: int, seed: int = 0, width: int = 64, layers: int = 2) -> GPT:
    """A GPT of some 66,000 parameters in two blocks, and 2 * width for each token."""
    torch.manual_seed(seed)
    config = GPTConfig(
        vocab,
        CONTEXT,
        width=width,
        layers=layers,
        heads=4,
        hidden=2 * width,
        feed_forward="squared_relu",
        qk_norm=True,
        tied=False,
        init_std=0.05,
        zero_output=True,
    )
    return GPT(config)


def task_tokenizer(tasks: Sequence[Task], vocab: int = VOCAB) -> BytePairTokenizer:
    """Byte pairs of what the training examples say, with the template's tokens.

    Pairs are merged until none is left, or `vocab` tokens are there: by default each
    word is one token, and another one where a space stands before it. Raises ValueError
    for no task, and as `BytePairTokenizer.train` does.
    """
    if not len(tasks):
        raise ValueError("tasks must hold at least one, got none")
    said = [
        text
        for task in tasks
        for example in islice(task.examples(TRAINING), READ)
        for text in (*example.turns, example.answer)
    ]
    special = [*map(special_token, ROLES), END]
    return BytePairTokenizer.train("\n".join(said), vocab, special)


def task_batches(
    tokenizer: BytePairTokenizer, examples: Iterable[Example], batch: int = 48
) -> Iterator[Batch]:
    """Conversations `batch` at a time, padded at the end; targets are answers alone.

    The last batch may be smaller. Raises ValueError when `batch` is below 1, and as
    `Template.lesson` does.
    """
    if batch < 1:
        raise ValueError(f"batch must be above 0, got {batch}")
    template = Template(tokenizer)
    rows = (template.lesson(conversation(each), CONTEXT) for each in examples)
    return _batches(rows, batch)


def _batches(rows: Iterator[Lesson], batch: int) -> Iterator[Batch]:
    while some := list(islice(rows, batch)):
        longest = max(len(row.ids) for row in some)
        ids, targets, _ = stack([[row] for row in some], longest)
        yield ids, targets


def learn(
    model: GPT,
    batches: Iterable[Batch],
    steps: int,
    callbacks: Sequence[Callback] = (),
) -> History:
    """Train a tiny model as these tasks want it: Muon, and no warm-up.

    The rates were chosen on validation parts.
    """
    optimizer = muon(model, lr=0.02, adam_lr=0.01)
    falling = partial(warm_up_stable_decay, warm_up=0)
    return train(
        model, optimizer, batches, steps, schedule=falling, callbacks=callbacks
    )


def likeliest(model: GPT, ids: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """The likeliest token after each place, on the CPU, wherever the model is."""
    return model(ids.to(next(model.parameters()).device)).argmax(-1).cpu()


@torch.no_grad()
def rows_right(model: GPT, batches: Iterable[Batch]) -> list[bool]:
    """For each row, whether every target is the token that the model finds likeliest.

    The true answer so far is shown, so a row is right when greedy generation would
    write its answers. Raises ValueError when there is no batch.
    """
    found: list[bool] = []
    with evaluating(model):
        for ids, targets in batches:
            hit: Bool[Tensor, "batch time"] = likeliest(model, ids) == targets
            found += (hit | (targets < 0)).all(dim=1).tolist()
    if not found:
        raise ValueError("batches must hold at least one, got none")
    return found
