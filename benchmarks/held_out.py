"""Held-out plays against held-out stretches of a play that was learned from.

    python -m benchmarks.held_out            about 5 minutes

The same stretches of a play, every tenth of 650 characters, are read by two models. One
learned from the rest of that play and from two other plays; to the other the play is
new: in its place it learned from as many characters of a fourth. Five plays, one after
the other, are the one in question. The model is the GPT of chapter 4.
"""

from statistics import mean

import torch
from torch import Tensor, tensor

from benchmarks import Target, conclude
from lib import train
from lib.data import corpora
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.tokens import tokenizer

SIZES = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
PLAYS = ("Macbeth", "The Tempest", "Hamlet", "As You Like It", "Henry V")
STEPS, BATCH, TIME, LR = 1200, 12, 64, 0.01
STRETCH, EVERY = 650, 10


def cut(text: str) -> tuple[str, list[str]]:
    """The play without every tenth stretch, and those stretches."""
    stretches = [text[at : at + STRETCH] for at in range(0, len(text), STRETCH)]
    out = [s for s in stretches[EVERY - 1 :: EVERY] if len(s) == STRETCH]
    rest = [s for n, s in enumerate(stretches) if n % EVERY != EVERY - 1]
    return "".join(rest), out


def loss(vocab: int, learned: Tensor, test: list[Tensor], seed: int) -> float:
    """The held-out loss, in nats a character, of a model that learned from a text."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab, **SIZES, init_std=0.06))
    batches = train.windows(learned, BATCH, TIME, seed=seed)
    train.train(model, train.adamw(model, LR), batches, STEPS)
    each = [next(train.consecutive_windows(ids, 99, TIME)) for ids in test]
    return round(train.evaluate(model, each), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: another play is harder than the rest of one."""
    losses = figures["held_out_nats_by_play"]
    more = mean(losses["new play"]) - mean(losses["same play"])
    return [Target("a new play costs", more, 0.1, "nats more")]


def main() -> None:
    torch.set_num_threads(1)
    plays = corpora.shakespeare()
    characters = tokenizer.CharacterTokenizer("".join(plays.values()))
    losses = {"same play": [], "new play": []}
    for number, title in enumerate(PLAYS):
        near = [PLAYS[(number + step) % len(PLAYS)] for step in (1, 2, 3)]
        shared = plays[near[0]] + plays[near[1]]
        other = plays[near[2]]
        rest, out = cut(plays[title])
        size = min(len(rest), len(other))
        test = [tensor(characters.encode(stretch)) for stretch in out]
        for name, more in (("same play", rest), ("new play", other)):
            ids = tensor(characters.encode(shared + more[:size]))
            losses[name].append(loss(len(characters), ids, test, seed=number))
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": len(characters)},
        "training": {"batch": BATCH, "lr": LR, "steps": STEPS, "time": TIME},
        "plays": PLAYS,
        "held_out_nats_by_play": losses,
    }
    conclude("held_out", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
