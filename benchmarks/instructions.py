"""One model, many tasks: from the review GPT and from random weights, mixed and alone.

    python -m benchmarks.instructions [--keep FOLDER]        about 4 core-hours
    python -m benchmarks.instructions --runs mixed/review_gpt/0 ...     some of it
    python -m benchmarks.instructions --part test            measured to be reported
    python -m benchmarks.instructions --part test --conclude     what is known so far
    python -m benchmarks.instructions --store                the hub's model `instruct`

Every run is kept in FOLDER as soon as it is known (default:
~/.cache/inside-gpt/instructions). It may be stopped at any time, and the same command
goes on from its checkpoint there.

A mixed run learns all tasks. Each example counts alike, however long its answers; hard
tasks come three times as often. A run alone learns one task, from the first examples
that the mixed run of the same seed has of it, as many as that had of it on average, in
smaller batches. The long run is the hub's model: mixed, with more of everything, and
twice as much again of the hard tasks.

Mixed runs begin with "Who is where?" and "Where is Mary?" alone, in small batches. The
review GPT then learns within some 120 steps to look a name up in a text, which all
stories need.
A run is measured on the validation part, by which settings are chosen, and on the test
part only when it is asked for: that goes on from the run's last checkpoint, and is what
is stored. Rates were chosen by the training loss of short runs.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from benchmarks import Target, conclude
from benchmarks.bits_a_character import keeping, kept
from lib import train
from lib.data.wheels import cache_folder
from lib.hub import pretrained
from lib.instruct.answers import Answers, conversation
from lib.instruct.evaluate import Score, evaluate
from lib.instruct.mixture import mixture
from lib.instruct.packing import (
    Packed,
    count_examples,
    example_loss,
    stream_packed,
)
from lib.instruct.ranking import choices, likelihood, pick, tf_idf
from lib.instruct.tasks import find_task
from lib.instruct.tasks.task import (
    NEW_WORDING,
    TEST,
    TRAINING,
    USUAL,
    VALIDATION,
    Example,
    Task,
)
from lib.instruct.template import Template
from lib.instruct.tools import CALCULATOR
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer
from tools.machine import machine

COMMAND = "python -m benchmarks.instructions"
LONG, MIXED, ALONE = "long", "mixed", "alone"
STARTS = ("review_gpt", "random")
SEEDS = (0, 1, 2)
TASKS = (
    "everybody one_fact two_facts yes_no active_passive paraphrase extraction python "
    "arithmetic sentiment summaries spelling counting capitals json dialogue"
).split()
FEW = ("yes_no", "python", "arithmetic", "json")  # on the card, for a quick look
THREE = ("one_fact", "python", "sentiment")  # alone with three seeds
HARD = (  # learned late, so there is more of them
    "one_fact two_facts yes_no capitals dialogue active_passive paraphrase counting"
).split()
EACH = {LONG: 2_700, MIXED: 1_800}  # examples of a task
MORE = {LONG: 6, MIXED: 3}  # times as many of a hard one
FIRST, BEGIN = {"everybody": 2, "one_fact": 1}, 3_000  # before all others, by weight
TIME = 256  # tokens of a row
ROWS = {LONG: 16, MIXED: 16, ALONE: 4}  # of a batch
RATES = (0.03, 0.01)  # of Muon and of Adam, the same for both starts
WARM_UP, EVERY = 10, 25  # steps, and from one checkpoint to the next
QUESTIONS = {USUAL: 200, NEW_WORDING: 100}  # of each task; 100 of other variants
LONGEST = 80  # tokens of an answer
HUB = f"{LONG}/review_gpt/0"
UNAIDED = "arithmetic_unaided"  # alone: the same questions with no calculator
MADE_UP = "extraction_made_up"  # alone: the same texts with names of random syllables
REAL = ("sentiment", "summaries")  # tasks of real text
PICKED = ("play_replies", "small_talk")  # alone: the true reply of ten is to be picked
SURE = 95  # percent of a task that is done


def start(name: str, seed: int) -> tuple[GPT, BytePairTokenizer]:
    """The review GPT, or one of its shape with random weights; and its tokens."""
    loaded = pretrained.load_gpt("review_gpt")
    assert isinstance(loaded.tokenizer, BytePairTokenizer)
    if name == "review_gpt":
        return loaded.model, loaded.tokenizer
    torch.manual_seed(seed)
    return GPT(loaded.model.config), loaded.tokenizer


def to_learn(
    tasks: Sequence[Task], seed: int, amount: str = MIXED
) -> Iterator[Example]:
    """The examples of a run."""
    more = MORE[amount]
    weights = {task.name: more if task.name in HARD else 1 for task in tasks}
    many = EACH[amount] * sum(weights.values())
    if len(tasks) == 1:
        return islice(tasks[0].examples(TRAINING, seed), many)
    return islice(mixture(tasks, TRAINING, seed, weights), many)


def to_begin(tasks: Sequence[Task], seed: int) -> Iterator[Example]:
    """What a mixed run learns first; these examples do not come again."""
    some = [task for task in tasks if task.name in FIRST]
    if len(tasks) == 1 or len(some) < len(FIRST):
        return iter([])
    return islice(mixture(some, TRAINING, seed + len(SEEDS), FIRST), BEGIN)


def tasks_of(kind: str) -> list[Task]:
    """All tasks, or the one that is learned alone."""
    return [find_task(name) for name in (TASKS if kind in (LONG, MIXED) else [kind])]


def learn(
    model: nn.Module,
    batches: Iterable[Packed],
    steps: int,
    callbacks: Sequence[train.Callback],
) -> train.History:
    """So many batches, each example counted alike."""
    muon, adam = RATES
    return train.train(
        model,
        train.muon(model, lr=muon, adam_lr=adam, momentum=0.95),
        batches,
        steps,
        callbacks=callbacks,
        objective=example_loss,
        count=count_examples,
        schedule=partial(train.warm_up_stable_decay, warm_up=WARM_UP),
        precision="bfloat16",
    )


def trained(key: str, keep: Path) -> tuple[GPT, dict]:
    """The model of a run, and what was counted on the way."""
    kind, name, seed = key.split("/")
    mixed = kind in (LONG, MIXED)
    tasks = tasks_of(kind)
    model, tokenizer = start(name, int(seed))
    template = Template(tokenizer)
    early = list(to_begin(tasks, int(seed)))
    later = list(to_learn(tasks, int(seed), kind if mixed else MIXED))
    rows = ROWS[kind if mixed else ALONE]
    lessons = [
        [template.lesson(conversation(one), TIME) for one in examples]
        for examples in (early, later)
    ]
    found = [*stream_packed(lessons[0], ROWS[ALONE], TIME)]
    found += stream_packed(lessons[1], rows, TIME)
    began = time.process_time()
    keeper = train.Checkpoint(keep / named(key), EVERY, keep=1)
    history = learn(model, found, len(found), [keeper])
    if history.stopped:
        sys.exit(f"{key} stopped at step {len(history.losses)}: run it again")
    return model, {
        "examples": Counter(one.task for one in (*early, *later)),
        "losses": [round(loss, 3) for loss in history.losses],
        "processor_seconds": round(time.process_time() - began),
        "steps": len(found),
        "tokens": sum(len(lesson.ids) for part in lessons for lesson in part),
    }


def ask(model: GPT, tasks: Sequence[Task], part: str) -> list[Score]:
    """What the model gets right, in the wordings it learned and in all that is new."""
    _, tokenizer = start("review_gpt", 0)
    answers = Answers(model, tokenizer, max_new_tokens=LONGEST, tools=CALCULATOR)
    return [
        score
        for variant, many, some in by_variant(tasks)
        for score in evaluate(
            {"model": answers}, some, many, part=part, variant=variant, baselines=0
        )
    ]


def by_variant(tasks: Sequence[Task]) -> Iterator[tuple[str, int, list[Task]]]:
    """Each variant, its questions of each task, and the tasks that have it."""
    for variant in dict.fromkeys(each for task in tasks for each in task.variants):
        many = QUESTIONS[variant if variant in QUESTIONS else NEW_WORDING]
        yield variant, many, [task for task in tasks if variant in task.variants]


def as_rows(scores: Sequence[Score]) -> dict[str, dict[str, list[float]]]:
    """By variant and task: the share or mean grade, and its interval, in percent."""
    found: dict[str, dict[str, list[float]]] = {}
    for score in scores:
        _, *shares = score.result
        row = [round(100 * share, 1) for share in shares]
        found.setdefault(score.variant, {})[score.task] = row
    return found


def run(key: str, keep: Path, part: str) -> dict:
    """Train, if that is not done, and measure."""
    model, counted = trained(key, keep)
    kind = key.split("/")[0]
    if kind in PICKED:
        return counted | {"scores": {USUAL: {kind: picked(model, kind, part)}}}
    return counted | {"scores": as_rows(ask(model, tasks_of(kind), part))}


def picked(model: GPT, name: str, part: str) -> list[float]:
    """How often the true reply of ten is likeliest, and the interval, in percent."""
    _, tokenizer = start("review_gpt", 0)
    every = choices(find_task(name), QUESTIONS[USUAL], part)
    _, *shares = pick(likelihood(model, tokenizer), every)
    return [round(100 * share, 1) for share in shares]


def keys() -> list[str]:
    """All runs: the hub's, mixed from two starts, then alone."""
    mixed = [f"{MIXED}/{name}/{seed}" for seed in SEEDS for name in STARTS]
    alone = [f"{task}/review_gpt/0" for task in (*TASKS, UNAIDED, MADE_UP)]
    more = [f"{task}/review_gpt/{seed}" for seed in SEEDS[1:] for task in THREE]
    replies = [
        f"{task}/{n}/{seed}" for task in PICKED for seed in SEEDS for n in STARTS
    ]
    return [HUB, *mixed, *alone, *more, *replies]


def rivals() -> dict[str, dict[str, dict[str, float]]]:
    """By variant and task: what each baseline gets, in percent."""
    found: dict = {}
    tasks = [find_task(name) for name in TASKS]
    for variant, many, some in by_variant(tasks):
        for score in evaluate({}, some, many, part=TEST, variant=variant):
            row = found.setdefault(variant, {}).setdefault(score.task, {})
            row[score.model] = round(100 * score.result.accuracy, 1)
    for name in PICKED:
        task = find_task(name)
        every = choices(task, QUESTIONS[USUAL], TEST)
        share = pick(tf_idf(task), every).accuracy
        found[USUAL][name] = {"TF-IDF": round(100 * share, 1), "chance": 10.0}
    return found


def known(keep: Path) -> dict[str, dict]:
    """The runs that are done and measured on the test part."""
    paths = {key: keep / f"{named(key, TEST)}.json" for key in keys()}
    return {
        key: json.loads(path.read_text())
        for key, path in paths.items()
        if path.exists()
    }


def settings(key: str, *part: str) -> list:
    """What a run is made with, and where it was measured."""
    kind = key.split("/")[0]
    amount = kind if kind in EACH else MIXED  # of examples
    rows = ROWS[kind if kind in ROWS else ALONE]
    begun = [FIRST, BEGIN, ROWS[ALONE]] if kind in (LONG, MIXED) else []
    learned = [EACH[amount], MORE[amount], HARD, TIME, rows, RATES, WARM_UP]
    return [*begun, *learned, LONGEST, QUESTIONS, *part]


def named(key: str, *part: str) -> str:
    """Under what name a run is kept, or what was measured of it."""
    return keeping(key.replace("/", "-"), settings(key, *part))


def targets(figures: dict) -> list[Target]:
    """What instructions, and reading reviews before them, should be worth."""
    runs, usual = figures["runs"], figures["baselines"][USUAL]
    hub = runs[HUB]["scores"][USUAL]
    sure = sum(share >= SURE for share, *_ in hub.values())
    wanted = [Target(f"tasks at {SURE} % or more", sure, 5, f"of {len(hub)}")]
    for task in (*REAL, *PICKED):
        by_start = [by_seed(runs, name, task) for name in STARTS]
        if all(by_start):
            read, unread = by_start
            gain = min(read) - max(unread)
            name = f"{task}: the worst after reviews above the best without"
            wanted.append(Target(name, gain, 0, "points"))
    gain = hub["summaries"][0] - usual["summaries"]["lead-1"]
    return [*wanted, Target("summaries: above lead-1", gain, 0, "points of ROUGE-L")]


def by_seed(runs: dict[str, dict], name: str, task: str) -> list[float]:
    """What the runs from a start get in a task, in percent."""
    kind = task if task in PICKED else MIXED
    found = [runs.get(f"{kind}/{name}/{seed}") for seed in SEEDS]
    return [run["scores"][USUAL][task][0] for run in found if run]


def store(keep: Path, folder: Path = pretrained.FOLDER) -> None:
    """The model of the long run, and its card, into the hub."""
    if HUB not in (done := known(keep)):
        sys.exit(f"{HUB} is not measured: run it with --part {TEST} first")
    model, counted = trained(HUB, keep)  # from its last checkpoint
    _, tokenizer = start("review_gpt", 0)
    tasks = [find_task(name) for name in TASKS]
    about = {
        "command": f"{COMMAND} --store",
        "data": "examples of lib.instruct.tasks: " + ", ".join(TASKS),
        "machine": machine("torch"),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "started_from": pretrained.load_gpt("review_gpt").card["sha256"],
        **{name: counted[name] for name in ("examples", "steps", "tokens")},
        "processor_seconds": done[HUB]["processor_seconds"],
        "test_in_float32": done[HUB]["scores"],
    }
    pretrained.save_pretrained("instruct", model, tokenizer, about, folder)
    saved = pretrained.load_gpt("instruct", folder).model
    measured = {"test": as_rows(ask(saved, tasks, TEST)), "first_10": first(saved)}
    pretrained.add_to_card("instruct", measured, folder)


def first(model: GPT, many: int = 10) -> dict[str, int]:
    """How many of the first test questions it gets right: some tasks, to compare."""
    _, tokenizer = start("review_gpt", 0)
    answers = Answers(model, tokenizer, max_new_tokens=LONGEST, tools=CALCULATOR)
    tasks = [find_task(name) for name in FEW]
    scores = evaluate({"model": answers}, tasks, many, part=TEST, baselines=0)
    return {each.task: round(many * each.result.accuracy) for each in scores}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, default=cache_folder() / "instructions")
    parser.add_argument("--runs", nargs="+", choices=keys(), default=keys())
    parser.add_argument("--part", choices=(VALIDATION, TEST), default=VALIDATION)
    parser.add_argument("--conclude", action="store_true", help="learn no more")
    parser.add_argument("--store", action="store_true", help="write the hub's model")
    parser.add_argument("--check", action="store_true", help="exit 1 on a miss")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for key in [] if asked.conclude or asked.store else asked.runs:
        kept(
            asked.keep,
            key.replace("/", "-"),
            settings(key, asked.part),
            lambda key=key: run(key, asked.keep, asked.part),
        )
    if asked.store:
        return store(asked.keep)
    if asked.part == TEST and (asked.conclude or asked.runs == keys()):
        figures = {"baselines": rivals(), "runs": known(asked.keep)}
        conclude("instructions", figures, targets(figures), ["torch", "rouge-score"])
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
