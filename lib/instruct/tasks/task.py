"""A task: examples drawn by a seed, a check of replies, and parts that never mix.

An example belongs to a combination, such as a story, or a word that is to be spelled.
The combination decides its part, by a hash, in every task: what is measured was never
trained, and no list of it has to be kept. Pairs such as "Tom in the bar" would not do
for a combination: those that are never an answer in training are learned to be wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from random import Random
from typing import NamedTuple

from lib.instruct.template import Turn

TRAINING, VALIDATION, TEST = "training", "validation", "test"
PARTS = (TRAINING, VALIDATION, TEST)
USUAL = "usual"
NEW_WORDING = "new wording"
TRIES = 20_000  # draws in a row that all belong to other parts


class Example(NamedTuple):
    """What was said, by the user first and last, and an answer that is right."""

    task: str
    turns: tuple[str, ...]  # user, model, user, ..., user
    answer: str
    combination: str
    steps: tuple[Turn, ...] = ()  # to learn from: what comes before the answer

    @property
    def prompt(self) -> str:
        """All turns in one text, a line each."""
        return "\n".join(self.turns)


class Drawn(NamedTuple):
    """What a task draws: an example without the name of the task."""

    prompt: str | tuple[str, ...]
    answer: str
    combination: str
    steps: tuple[Turn, ...] = ()


class Wordings(NamedTuple):
    """Ways to ask the same: some to learn from, others only to measure with."""

    trained: tuple[str, ...]
    new: tuple[str, ...]

    def choose(self, random: Random, variant: str) -> str:
        """One of them; a new one where the variant is `NEW_WORDING`."""
        return random.choice(self.new if variant == NEW_WORDING else self.trained)


class Metric(NamedTuple):
    """A grade from 0 to 1 for a reply, where right or wrong would say too little."""

    name: str
    grade: Callable[["Example", str], float]


Draw = Callable[[Random, str], Drawn]  # of the variant
Answerer = Callable[[str], str]  # from a prompt to a reply
Baseline = Callable[[Sequence[Example]], Answerer]  # learns from examples, or ignores


def part_of(combination: str) -> str:
    """Eight in ten combinations are to learn from, one to choose by, one to test."""
    digit = int.from_bytes(sha256(combination.encode()).digest()[:8], "big") % 10
    return (TEST, VALIDATION)[digit] if digit < 2 else TRAINING


def same_text(example: Example, reply: str) -> bool:
    """The reply is the answer; spaces around it do not count."""
    return reply.strip() == example.answer


@dataclass(frozen=True)
class Task:
    """A kind of question, with all that is needed to learn and to measure it.

    `draw` makes an example of a variant; those of the wrong part are thrown away.
    `accepts` says whether a reply is right. Variants beside `USUAL` are only measured.
    With a `metric` replies are graded by it; without one, `accepts` decides.
    `baselines` are this task's own, beside those that every task has. With `repeats` a
    prompt may be drawn twice, since its answer is another each time.
    """

    name: str
    draw: Draw
    accepts: Callable[[Example, str], bool] = same_text
    variants: tuple[str, ...] = (USUAL, NEW_WORDING)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    part_of: Callable[[str], str] = part_of
    repeats: bool = False
    metric: Metric | None = None

    def examples(
        self, part: str, seed: int = 0, variant: str = USUAL
    ) -> Iterator[Example]:
        """Endless examples of a part, the same ones for the same seed.

        Raises ValueError for an unknown part or variant, for training on a variant, and
        from the iterator where the part has no combination.
        """
        if part not in PARTS:
            raise ValueError(f"part must be one of {PARTS}, got {part!r}")
        if variant not in self.variants:
            raise ValueError(
                f"variant of {self.name!r} must be one of {self.variants}, "
                f"got {variant!r}"
            )
        if part == TRAINING and variant != USUAL:
            raise ValueError(f"variant {variant!r} is to measure with, not to train on")
        return self._examples(part, variant, Random(f"{self.name}/{part}/{seed}"))

    def _examples(self, part: str, variant: str, random: Random) -> Iterator[Example]:
        missed = 0
        while missed < TRIES:
            drawn = self.draw(random, variant)
            missed += 1
            if self.part_of(drawn.combination) == part:
                missed = 0
                prompt = drawn.prompt
                turns = (prompt,) if isinstance(prompt, str) else prompt
                yield Example(self.name, turns, *drawn[1:])
        raise ValueError(f"part {part!r} of task {self.name!r} has no combination")

    def sample(
        self,
        part: str,
        size: int,
        seed: int = 0,
        variant: str = USUAL,
        fewer: bool = False,
    ) -> list[Example]:
        """So many examples; no two have the same prompt, but where a task `repeats`.

        Where a part does not have as many, `fewer` will do if so said. Raises
        ValueError as `examples` does, for a size below 1, and for too few prompts.
        """
        if size < 1:
            raise ValueError(f"size must be above 0, got {size}")
        examples = self.examples(part, seed, variant)
        if self.repeats:
            return list(islice(examples, size))
        found: dict[str, Example] = {}
        again = 0  # prompts in a row that were there before
        while len(found) < size and again < 100 + 10 * len(found):
            example = next(examples)
            again = again + 1 if example.prompt in found else 0
            found.setdefault(example.prompt, example)
        if len(found) == size or fewer:
            return list(found.values())
        raise ValueError(
            f"size must be at most {len(found)} for part {part!r} of task "
            f"{self.name!r}, got {size}"
        )
