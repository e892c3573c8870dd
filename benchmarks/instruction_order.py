"""The instruction before what it is about, or after: does it matter?

    python -m benchmarks.instruction_order            about 4 minutes

Tiny GPTs learn from random weights which of four words stands at a place, and where a
person of a story is. All is the same but where the question stands. The order of words
is learned in a short run, and in one three times as long. Three seeds; stored is the
accuracy on validation as they learn, and on the test part in the end.
"""

import time
from statistics import mean

import torch

from benchmarks import Target, conclude
from lib import train
from lib.instruct.answers import Answers
from lib.instruct.evaluate import grade, replies
from lib.instruct.small import learn, rows_right, task_batches, task_tokenizer, tiny_gpt
from lib.instruct.tasks.order import order
from lib.instruct.tasks.stories import ASKED, one_fact
from lib.instruct.tasks.task import TEST, TRAINING, VALIDATION, Task

SEEDS, WATCHED, MEASURED, LONGEST = (0, 1, 2), 200, 500, 8  # tokens of an answer
STEPS = {"words": 80, "words, longer": 240, "story": 400}


def run(task: Task, steps: int, seed: int) -> dict:
    """Accuracy as a tiny GPT learns a task, and in the end."""
    tokenizer = task_tokenizer([task])
    model = tiny_gpt(len(tokenizer), seed)
    watched = list(task_batches(tokenizer, task.sample(VALIDATION, WATCHED), WATCHED))
    look = train.Every(steps // 12, lambda _: mean(rows_right(model, watched)))
    examples = task.examples(TRAINING, seed)
    began = time.process_time()
    learn(model, task_batches(tokenizer, examples), steps, [look])
    seconds = round(time.process_time() - began, 1)
    asked = task.sample(TEST, MEASURED)
    answers = Answers(model, tokenizer, max_new_tokens=LONGEST)
    right = mean(grade(task, asked, replies(answers, asked)))
    return {"curve": look.results, "test": right, "seconds": seconds}


def gap(runs: dict, name: str) -> float:
    """Points that the question first is above the question last, on average."""
    first, last = (
        mean(each["test"] for each in runs[f"{name}, {asked}"]) for asked in ASKED
    )
    return 100 * (first - last)


def targets(figures: dict) -> list[Target]:
    """What the chapter says: at equal steps, the model that is asked first is ahead."""
    ahead = gap(figures["runs"], "words")
    return [Target("words: first above last", ahead, 60, "points")]


def main() -> None:
    torch.set_num_threads(1)
    runs = {}
    for name, steps in STEPS.items():
        make = one_fact if name == "story" else order
        for asked in ASKED:
            tried = [run(make(asked), steps, seed) for seed in SEEDS]
            runs[f"{name}, {asked}"] = tried
            print(name, asked, [each["test"] for each in tried], flush=True)
    figures = {"steps": STEPS, "runs": runs}
    conclude("instruction_order", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
