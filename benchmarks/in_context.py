"""In context: what is learned from the prompt alone, when, and from what data.

    python -m benchmarks.in_context            about 10 minutes

Tiny GPTs learn from random weights to foretell the value of a key from the pairs before
it: y = x + b mod 13, a table of eight keys that is new in each row, and words of three
categories with labels drawn anew. The categories are some that the word vectors of the
reviews know well. Accuracy after each number of pairs stands beside what the best
reader gets. Others learn from a few fixed tables only. Three seeds. The review GPT of
the hub gets the same prompts, as plain text and in its chat template.
"""

import re
import time
from statistics import mean

import torch

from benchmarks import Target, conclude
from lib.generate.loop import GREEDY, generate
from lib.hub.pretrained import PretrainedGPT, load_encoder, load_gpt
from lib.instruct.answers import Answers
from lib.instruct.evaluate import grade, replies
from lib.instruct.pairs import PairGPT
from lib.instruct.small import learn
from lib.instruct.tasks import in_context as tasks
from lib.instruct.tasks.task import TEST, TRAINING, USUAL, VALIDATION, Task
from lib.train import Every

SEEDS, EVERY, WATCHED, MEASURED, ASKED = (0, 1, 2), 10, 200, 2_000, 200
SHIFT, TABLE, KINDS = (
    {"shown": 4, "steps": 900, "batch": 64},
    {"shown": 12, "steps": 1_000, "batch": 32},
    {"shown": 8, "steps": 400, "batch": 32},
)
FEW = (2, 8, 32, 128)
COMPONENTS, WIDTH = 6, 64  # of the words' vectors: as many as categories


def rounded(shares: list[float]) -> list[float]:
    return [round(share, 4) for share in shares]


def trained(model: PairGPT, task: Task, seed: int, sizes: dict, watched: Task) -> dict:
    """Train; on the way, the accuracy after all pairs."""
    asked = watched.sample(VALIDATION, WATCHED)
    look = Every(EVERY, lambda run: round(model.by_shown(asked)[-1], 4))
    batches = model.batches(task.examples(TRAINING, seed), sizes["batch"])
    began = time.process_time()
    learn(model.model, batches, sizes["steps"], [look])
    return {"curve": look.results, "seconds": round(time.process_time() - began, 1)}


def on_new(model: PairGPT, task: Task, variant: str = USUAL) -> list[float]:
    """Accuracy on the test part after each number of pairs."""
    return rounded(model.by_shown(task.sample(TEST, MEASURED, variant=variant)))


def shift(seed: int) -> dict:
    task = tasks.shift(SHIFT["shown"])
    model = PairGPT(map(str, range(tasks.MODULUS)), seed)
    run = trained(model, task, seed, SHIFT, task)
    return run | {"test": on_new(model, task)}


def table(seed: int, few: int | None = None) -> dict:
    """With `few`, only so many tables are there, before parts are taken out."""
    new = tasks.lookup(TABLE["shown"])
    task = tasks.lookup(TABLE["shown"], few)
    model = PairGPT([*tasks.KEYS, *tasks.VALUES], seed)
    run = trained(model, task, seed, TABLE, new) | {"test": on_new(model, new)}
    if few is not None:
        own = task.sample(TRAINING, MEASURED, seed=seed + 100)
        tables = len({example.combination for example in own})
        run |= {"own": rounded(model.by_shown(own)), "own_tables": tables}
    return run


def kinds(seed: int) -> dict:
    """Words have vectors from reviews, so that those never trained mean something."""
    task = tasks.categories(KINDS["shown"])
    vectors = word_vectors()
    model = PairGPT([*vectors, *tasks.LABELS], seed, vectors)
    run = trained(model, task, seed, KINDS, task)
    new = on_new(model, task, tasks.NEW_WORDS)
    return run | {"test": on_new(model, task), "new_words": new}


def word_vectors() -> dict[str, torch.Tensor]:
    """A vector for each word of the categories: its main parts, turned at random."""
    known = load_encoder("review_encoder")
    table = known.model.embed.tokens.weight.detach()
    words = [word for some in tasks.CATEGORIES.values() for word in some.split()]
    rows = torch.stack([table[known.tokenizer.ids.get(word, 1)] for word in words])
    rows = torch.nn.functional.normalize(rows - table.mean(0), dim=1)
    rows = rows - rows.mean(0)
    main = torch.linalg.svd(rows, full_matrices=False).Vh[:COMPONENTS]
    chance = torch.Generator().manual_seed(1)
    turned = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=chance)).Q
    return dict(zip(words, rows @ main.T @ turned[:COMPONENTS], strict=True))


class Continued:
    """A GPT that goes on with the prompt as plain text; its first word is the reply."""

    def __init__(self, known: PretrainedGPT):
        self.known = known

    def replies(self, conversations) -> list[str]:
        tokenizer = self.known.tokenizer
        prompts = [torch.tensor(tokenizer.encode(turns[-1])) for turns in conversations]
        texts = generate(self.known.model, prompts, 6, GREEDY)
        pairs = zip(prompts, texts, strict=True)
        said = [tokenizer.decode(text[len(p) :].tolist()) for p, text in pairs]
        return [(re.findall(r"\w+", text) or [""])[0] for text in said]


def review_gpt() -> dict[str, dict[str, float]]:
    """What the review GPT gets, which was never trained on such prompts."""
    known = load_gpt("review_gpt")
    models = {
        "plain text": Continued(known),
        "chat template": Answers(known.model, known.tokenizer, max_new_tokens=6),
    }
    found: dict[str, dict[str, float]] = {}
    for make in (tasks.shift, tasks.lookup, tasks.categories):
        task = make(tasks.MOST_SHOWN)
        asked = task.sample(TEST, ASKED)
        found[task.name] = {
            name: mean(grade(task, asked, replies(model, asked)))
            for name, model in models.items()
        }
    return found


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them."""
    runs, theory = figures["runs"], figures["theory"]
    table = [
        mean(each) for each in zip(*(r["test"] for r in runs["lookup"]), strict=True)
    ]
    off = max(abs(a - b) for a, b in zip(table, theory["lookup"], strict=True))
    one = min(run["test"][1] for run in runs["shift"])
    none = max(run["test"][0] for run in runs["shift"])
    new = mean(run["new_words"][-1] for run in runs["categories"])
    few = max(run["test"][-1] for run in runs["lookup_of_2"])
    return [
        Target("shift after one pair", 100 * one, 95, "percent, worst seed"),
        Target("shift after none", 100 * none, 12, "percent, best seed", True),
        Target("table: away from theory", 100 * off, 3, "points", True),
        Target("new words, eight shown", 100 * new, 90, "percent"),
        Target("new tables after 2 fixed", 100 * few, 30, "percent", True),
    ]


def main() -> None:
    torch.set_num_threads(1)
    runs: dict[str, list[dict]] = {}
    for seed in SEEDS:
        runs.setdefault("lookup", []).append(table(seed))
        runs.setdefault("shift", []).append(shift(seed))
        runs.setdefault("categories", []).append(kinds(seed))
        for few in FEW:
            runs.setdefault(f"lookup_of_{few}", []).append(table(seed, few))
    figures = {
        "training": {"shift": SHIFT, "lookup": TABLE, "categories": KINDS},
        "theory": {
            "lookup": [tasks.best_accuracy(8, 8, n) for n in range(TABLE["shown"] + 1)],
            "categories": [
                tasks.best_accuracy(3, 8, n) for n in range(KINDS["shown"] + 1)
            ],
        },
        "runs": runs,
        "review_gpt": review_gpt(),
    }
    conclude("in_context", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
