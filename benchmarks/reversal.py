"""The reversal: told that A is the capital of B, who knows the capital of B?

    python -m benchmarks.reversal            about 2 minutes

Tiny GPTs learn 100 made-up towns and lands from random weights. All are asked "A is the
capital of which land?", and eight pairs in ten the other way round as well. Then both
questions are asked about pairs of both kinds: three were trained, and the last never.
Names are spelled in pieces, so that no name has a token of its own which only an answer
has. Three seeds.
"""

import torch

from benchmarks import Target, conclude
from lib.instruct.answers import Answers
from lib.instruct.evaluate import grade, replies
from lib.instruct.mixture import mixture
from lib.instruct.small import learn, task_batches, task_tokenizer, tiny_gpt
from lib.instruct.tasks.reversal import forward, pairs, reverse
from lib.instruct.tasks.task import TEST, TRAINING, VALIDATION, Example

SEEDS, STEPS, WIDTH, VOCAB = (0, 1, 2), 300, 128, 420
ASKED = 400  # questions that are drawn to find those of each kind
BOTH, ONE = "pairs asked both ways", "pairs told one way"


def questions() -> dict[str, list[Example]]:
    """The questions of four kinds; of the pairs told one way, those to test with."""
    towns = forward().sample(TRAINING, ASKED, fewer=True)
    lands = {
        part: reverse().sample(part, ASKED, fewer=True)
        for part in (TRAINING, VALIDATION, TEST)
    }
    part_of = {each.answer: part for part, some in lands.items() for each in some}

    def of(part: str) -> list[Example]:
        known = {town: land for town, land in pairs().items() if part_of[town] == part}
        return [e for e in towns if e.combination.split(" to ")[0] in known]

    return {
        f"as told, {BOTH}": of(TRAINING),
        f"as told, {ONE}": of(TEST),
        f"the other way, {BOTH}": lands[TRAINING],
        f"the other way, {ONE}": lands[TEST],
    }


def figures_of(seed: int) -> dict[str, float]:
    """Accuracy by kind of question."""
    tasks = [forward(), reverse()]
    tokenizer = task_tokenizer(tasks, VOCAB)
    model = tiny_gpt(len(tokenizer), seed, WIDTH)
    examples = mixture(tasks, TRAINING, seed)
    learn(model, task_batches(tokenizer, examples), STEPS)
    answers = Answers(model, tokenizer, max_new_tokens=12)
    found = {}
    for kind, asked in questions().items():
        right = grade(reverse(), asked, replies(answers, asked))
        found[kind] = round(sum(right) / len(right), 4)
    return found


def targets(figures: dict) -> list[Target]:
    """What the chapter says: what was told is known, and not the other way round."""
    by_seed = figures["accuracy_by_seed"]
    *known, never = by_seed
    worst = 100 * min(min(by_seed[kind]) for kind in known)
    best = 100 * max(by_seed[never])
    return [
        Target("what was trained", worst, 95, "percent right in the worst of all"),
        Target(never, best, 10, "percent right in the best seed", at_most=True),
    ]


def main() -> None:
    torch.set_num_threads(1)
    runs = [figures_of(seed) for seed in SEEDS]
    figures = {
        "asked": {kind: len(some) for kind, some in questions().items()},
        "training": {"steps": STEPS, "width": WIDTH},
        "accuracy_by_seed": {kind: [run[kind] for run in runs] for kind in runs[0]},
    }
    conclude("reversal", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
