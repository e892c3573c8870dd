"""Ranking: which of ten replies was the true one?

Where almost anything may be said next, no reply is right or wrong. But the one that was
given should be likelier than nine that were given to something else. Any score will do:
how likely a model finds a reply, or which words it shares with what was said.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lib.instruct.answers import as_turns
from lib.instruct.packing import answer_scores, stack
from lib.instruct.tasks.task import TRAINING, VALIDATION, Example, Task
from lib.instruct.template import ASSISTANT, Lesson, Template, Turn
from lib.measure.slices import Slice, counted
from lib.model.gpt import GPT
from lib.model.modes import evaluating
from lib.tokens.description import WritingTokenizer

TEN = 10
LEARNED_FROM = 20_000  # examples, by a scorer that counts words

# From turns, the user's first and last, and replies to them: a score for each reply.
# The highest is the best.
Scorer = Callable[[Sequence[str], Sequence[str]], Sequence[float]]


class Choice(NamedTuple):
    """Turns, replies to choose from, and the place of the one that was given."""

    turns: tuple[str, ...]
    replies: tuple[str, ...]
    right: int


def choices(
    task: Task, size: int, part: str = VALIDATION, seed: int = 0, of: int = TEN
) -> list[Choice]:
    """So many choices among `of` replies each, or as many as the part has prompts.

    The others are answers to other prompts of the part, all different. Raises
    ValueError as `Task.sample` does, when `of` is below 2, and when the part has too
    few answers.
    """
    if of < 2:
        raise ValueError(f"of must be above 1, got {of}")
    pool = task.sample(part, max(size, 20 * of), seed, fewer=True)
    if size < 1 or len({each.answer for each in pool}) < of:
        raise ValueError(
            f"size must be above 0 and part {part!r} of {task.name!r} have {of} "
            f"different answers, got size={size} and {len(pool)} examples"
        )
    random = Random(f"choices/{task.name}/{part}/{seed}")
    return [_choice(example, pool, of, random) for example in pool[:size]]


def pick(score: Scorer, every: Sequence[Choice]) -> Slice:
    """How often the true reply scores highest, with the 95 % interval.

    Among equals the first wins. Raises ValueError when there is no choice, and when a
    scorer does not give a finite number for each reply.
    """
    return counted([first_place(score, each) == each.right for each in every])


def first_place(score: Scorer, choice: Choice) -> int:
    """The place of the reply that scores highest. Raises ValueError as `pick` does."""
    scores = [float(each) for each in score(choice.turns, choice.replies)]
    if len(scores) != len(choice.replies) or not all(map(math.isfinite, scores)):
        raise ValueError(
            f"score must give {len(choice.replies)} finite numbers, got {scores}"
        )
    return max(range(len(scores)), key=scores.__getitem__)


def likelihood(model: GPT, tokenizer: WritingTokenizer) -> Scorer:
    """A reply scores the mean log-probability of its tokens and of the end, in nats.

    The turns stand before it in the chat template. A sum would favor short replies; the
    mean does not. The scorer raises ValueError for a conversation that does not fit the
    context.
    """
    template = Template(tokenizer)

    def score(turns: Sequence[str], replies: Sequence[str]) -> list[float]:
        said = as_turns(turns)
        context = model.config.context
        rows = [_last_answer(template, said, reply, context) for reply in replies]
        return _log_likelihoods(model, rows).tolist()

    return score


def tf_idf(task: Task, size: int = LEARNED_FROM) -> Scorer:
    """A reply scores by the words and pairs of words that it shares with the turns.

    Each weighs by how few of so many training examples have it, as in chapter 8; the
    score is the cosine similarity. Raises ValueError for a size below 1.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    from lib.finetune.text_baselines import COUNTED

    learned = task.sample(TRAINING, size, fewer=True)
    vectors = TfidfVectorizer(**COUNTED, sublinear_tf=True)
    vectors.fit([f"{each.prompt}\n{each.answer}" for each in learned])

    def score(turns: Sequence[str], replies: Sequence[str]) -> list[float]:
        said = vectors.transform(["\n".join(turns)])
        return (vectors.transform(replies) @ said.T).toarray()[:, 0].tolist()

    return score


def _choice(
    example: Example, pool: Sequence[Example], of: int, random: Random
) -> Choice:
    """The answer of an example at a place drawn at random, among others of the pool."""
    others: dict[str, None] = {}
    while len(others) < of - 1:
        answer = random.choice(pool).answer
        if answer != example.answer:
            others[answer] = None
    replies = list(others)
    right = random.randrange(of)
    replies.insert(right, example.answer)
    return Choice(example.turns, tuple(replies), right)


def _last_answer(
    template: Template, said: Sequence[Turn], reply: str, context: int
) -> Lesson:
    """A conversation whose last answer alone is to be predicted."""
    ids, targets = template.lesson([*said, Turn(ASSISTANT, reply)], context)
    targets[: len(template.prompt(said)) - 1] = -1
    return Lesson(ids, targets)


@torch.inference_mode()
def _log_likelihoods(model: GPT, examples: Sequence[Lesson]) -> Float[Tensor, " batch"]:
    """For each example the mean log-probability of its targets, in nats a token."""
    longest = max(len(each.ids) for each in examples)
    device = next(model.parameters()).device
    packed = stack([[each] for each in examples], longest)
    ids, targets, parts = (each.to(device) for each in packed)
    asked = targets >= 0  # batch time
    with evaluating(model):
        scores = answer_scores(model, (ids, targets, parts)).float()  # target vocab
    losses = torch.zeros(asked.shape, device=device)
    losses[asked] = F.cross_entropy(scores, targets[asked], reduction="none")
    return -losses.sum(1) / asked.sum(1)
