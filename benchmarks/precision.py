"""When does bfloat16 pay? Training steps in both precisions, at five widths.

    python -m benchmarks.precision            about 2 minutes

A GPT of two blocks takes the same steps, 12 windows of 64 tokens each, in float32 and
under PyTorch's autocast to bfloat16, in turns, on one thread; the medians of the
processor's time are compared. Whether it pays depends on the processor: those with
units for bfloat16 matrices gain, others may lose, and each processor's result is kept.
Then two runs of 200 steps on the
plays, the same but for the precision, with three seeds: what does it cost in loss?
"""

from statistics import mean, median
from time import process_time

import torch

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

PRECISIONS = ("float32", "bfloat16")
WIDTHS, ROUNDS, BATCH, TIME, VOCAB = (64, 128, 256, 512, 768), 7, 12, 64, 512
SEEDS, STEPS, LR = (0, 1, 2), 200, 0.01


def speeds(width: int) -> dict[str, float]:
    """Milliseconds a step in each precision, the two taken in turns."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(VOCAB, TIME, width, layers=2, heads=width // 32))
    optimizer = train.adamw(model, 0.001)
    batches = train.windows(torch.randint(VOCAB, (10_000,)), BATCH, TIME)
    times = {name: [] for name in PRECISIONS}
    for _ in range(ROUNDS):
        for name in PRECISIONS:
            run = train.Run(model, optimizer, batches, 99, precision=name)
            began = process_time()
            train.take_step(run)
            times[name].append(1000 * (process_time() - began))
    return {name: round(median(each[1:]), 2) for name, each in times.items()}


def loss(ids, test, vocab: int, precision: str, seed: int) -> float:
    torch.manual_seed(seed)
    sizes = {"context": TIME, "width": 64, "layers": 2, "heads": 4}
    model = GPT(GPTConfig(vocab, **sizes, init_std=0.06))
    batches = train.windows(ids, BATCH, TIME, seed=seed)
    train.train(model, train.adamw(model, LR), batches, STEPS, precision=precision)
    return round(train.evaluate(model, test), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: bfloat16 hardly changes the loss."""
    losses = figures["held_out_nats_by_seed"]
    more = mean(losses["bfloat16"]) - mean(losses["float32"])
    return [Target("bfloat16 costs", more, 0.02, "nats", at_most=True)]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    figures = {
        "widths": WIDTHS,
        "milliseconds": [speeds(width) for width in WIDTHS],
        "tokens_a_step": BATCH * TIME,
        "held_out_nats_by_seed": {
            name: [loss(text.ids, test, text.vocab, name, seed) for seed in SEEDS]
            for name in PRECISIONS
        },
    }
    conclude("precision", figures, targets(figures), ["torch"], by_processor=True)


if __name__ == "__main__":
    main()
