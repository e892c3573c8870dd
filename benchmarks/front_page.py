"""What a small GPT expects next, and where it looks: the picture on the front page.

    python -m benchmarks.front_page            about 1 minute

The recipe of chapter 6, `train.short_run`: the preset `SMALL` learns from the
characters of all plays but two, for 500 steps, on one thread. Then it reads a line of a
play that is new to it. Stored are, for each character of the line, the five that the
model finds likeliest to follow, how likely it found the one that did, and the weights
of every head.

The model itself is stored too, in eight bits, as `plays_gpt` of `lib.hub`: on the front
page it reads what a reader types. All figures are of the model as it is stored.
"""

from dataclasses import replace
from time import process_time

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks import Target, conclude, plays
from lib import train
from lib.data import corpora
from lib.hub import pretrained
from lib.inside.hooks import attention_weights
from lib.model.config import SMALL
from lib.model.gpt import GPT
from tools.machine import machine

COMMAND = "python -m benchmarks.front_page"
LINE, PLAY = "Is this a dagger which I see before me,\n", "Macbeth"
STEPS, BATCH, TIME, GUESSES = 500, 12, 64, 5
NAME = "plays_gpt"


def learn(text: plays.Plays, steps: int = STEPS) -> GPT:
    """A GPT that has learned from the plays."""
    torch.manual_seed(0)
    model = GPT(replace(SMALL, vocab=text.vocab, context=TIME))
    train.short_run(model, text.ids, steps, batch=BATCH)
    return model.eval()


@torch.no_grad()
def read(model: GPT, ids: Int[Tensor, " time"], tokens: list[str]) -> dict:
    """What it expects after each token but the last, and where its heads look then.

    Everything is in whole percents, the weights by layer, head and position.
    """
    percents = 100 * model(ids[None, :-1])[0].softmax(-1)
    best = percents.topk(GUESSES)
    return {
        "expected": ["".join(tokens[i] for i in row) for row in best.indices.tolist()],
        "percents": [whole(row) for row in best.values],
        "came": whole(percents.gather(1, ids[1:, None])[:, 0]),
        "weights": [
            [[whole(row[: t + 1]) for t, row in enumerate(head)] for head in layer]
            for layer in 100 * attention_weights(model, ids[None, :-1])[0]
        ],
    }


def whole(percents: Tensor) -> str:
    """Rounded, in one line of the stored file."""
    return " ".join(map(str, percents.round().int().tolist()))


def store(model: GPT, text: plays.Plays, seconds: float) -> pretrained.PretrainedGPT:
    """The model as the hub has it now, with its card."""
    about = {
        "command": COMMAND,
        "data": f"all plays of lib.data.corpora.shakespeare() but {plays.HELD_OUT}",
        "held_out_nats_in_float32": round(train.evaluate(model, text.test(TIME)), 4),
        "machine": machine("torch"),
        "parameters": sum(p.numel() for p in model.parameters()),
        "processor_seconds": round(seconds),
        "tokens": STEPS * BATCH * TIME,
    }
    pretrained.save_pretrained(NAME, model, text.characters, about)
    return pretrained.load_gpt(NAME)


def main() -> None:
    torch.set_num_threads(1)
    text, began = plays.read(), process_time()
    model = learn(text)
    seconds = process_time() - began
    model = store(model, text, seconds).model
    every = corpora.shakespeare()
    if PLAY not in plays.HELD_OUT or LINE not in every[PLAY]:
        raise ValueError(f"{LINE!r} must be a line of a play held out, not of {PLAY}")
    figures = read(
        model, torch.tensor(text.characters.encode(LINE)), text.characters.tokens
    ) | {
        "line": LINE,
        "play": PLAY,
        "plays_learned_from": len(every) - len(plays.HELD_OUT),
        "characters_learned_from": STEPS * BATCH * TIME,
        "held_out_nats": round(train.evaluate(model, text.test(TIME)), 2),
        "parameters": sum(p.numel() for p in model.parameters()),
        "processor_seconds": round(seconds),
    }
    conclude("front_page", figures, targets(figures), packages=["torch"])


def targets(figures: dict) -> list[Target]:
    """A model that has learned what chapter 6 says, in under a minute."""
    loss, seconds = figures["held_out_nats"], figures["processor_seconds"]
    return [
        Target("held-out loss", loss, 1.84, "nats", at_most=True),
        Target("training", seconds, 60, "processor seconds", at_most=True),
    ]


if __name__ == "__main__":
    main()
