"""Easy first: a GPT learns to look names up in notes, and then in sentences.

    python -m benchmarks.easy_first            about 25 minutes

"Who is where?" is asked about stories that are told as notes ("Ann bar.", "Ann in the
bar.") or in sentences ("Ann goes to the bar."). The review GPT learns from all three,
and from sentences alone; a GPT of its shape with random weights learns from all three.
On the way it is measured how many places of validation stories in sentences are right,
each token of the true answer given; in the end, of test stories. Three seeds.
"""

import time

import torch

from benchmarks import Target, conclude
from benchmarks.instructions import TIME, learn, start
from lib import train
from lib.instruct.answers import conversation
from lib.instruct.packing import Packed, answer_scores, stream_packed
from lib.instruct.tasks.stories import everybody
from lib.instruct.tasks.task import TEST, TRAINING, VALIDATION, Task
from lib.instruct.tasks.world import ROOMS
from lib.instruct.template import Template
from lib.model.gpt import GPT
from lib.model.modes import evaluating

SEEDS, STEPS, EVERY, ROWS = (0, 1, 2), 240, 10, 4
WATCHED, MEASURED = 50, 200  # stories
RUNS = {  # from which weights, and whether there are notes
    "notes and sentences": ("review_gpt", True),
    "sentences alone": ("review_gpt", False),
    "notes and sentences, from random weights": ("random", True),
}


def packed(template: Template, task: Task, part: str, many: int) -> list[Packed]:
    """So many stories, in rows."""
    lessons = (
        template.lesson(conversation(each), TIME) for each in task.sample(part, many)
    )
    return list(stream_packed(lessons, ROWS, TIME))


@torch.no_grad()
def places_right(model: GPT, batches: list[Packed], places: list[int]) -> float:
    """The share of places that the model finds likeliest where they stand."""
    hits: list[bool] = []
    with evaluating(model):
        for batch in batches:
            wanted = batch[1][batch[1] >= 0]
            asked = torch.isin(wanted, torch.tensor(places))
            found = answer_scores(model, batch).argmax(-1)
            hits += (found == wanted)[asked].tolist()
    return round(sum(hits) / len(hits), 4)


def run(weights: str, notes: bool, seed: int) -> dict:
    """Accuracy as a GPT learns, and in the end."""
    model, tokenizer = start(weights, seed)
    template, sentences = Template(tokenizer), everybody(notes=False)
    places = [id for room in ROOMS for id in tokenizer.encode(f" {room}")]
    watched = packed(template, sentences, VALIDATION, WATCHED)
    look = train.Every(EVERY, lambda _: places_right(model, watched, places))
    stream = everybody(notes).examples(TRAINING, seed)
    lessons = (template.lesson(conversation(each), TIME) for each in stream)
    began = time.process_time()
    learn(model, stream_packed(lessons, ROWS, TIME), STEPS, [look])
    seconds = round(time.process_time() - began)
    asked = packed(template, sentences, TEST, MEASURED)
    test = places_right(model, asked, places)
    return {"curve": look.results, "test": test, "processor_seconds": seconds}


def targets(figures: dict) -> list[Target]:
    """What the chapter says: with notes every seed learns it, after reviews."""
    runs = figures["runs"]
    with_notes, alone, unread = (
        [100 * each["test"] for each in runs[name]] for name in RUNS
    )
    return [
        Target("places right with notes", min(with_notes), 90, "percent, worst seed"),
        Target("with notes above without", min(with_notes) - max(alone), 0, "points"),
        Target("above random weights", min(with_notes) - max(unread), 0, "points"),
    ]


def main() -> None:
    torch.set_num_threads(1)
    runs: dict[str, list[dict]] = {}
    for seed in SEEDS:
        for name, (weights, notes) in RUNS.items():
            runs.setdefault(name, []).append(run(weights, notes, seed))
            print(name, seed, runs[name][-1]["test"], flush=True)
    figures = {"runs": runs, "steps": STEPS}
    conclude("easy_first", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
