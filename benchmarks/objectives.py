"""The next token or a hidden one: two objectives with the same budget.

    python -m benchmarks.objectives            about 5 minutes

The same blocks, batches, steps and optimizer learn the characters of the plays, with
three seeds: a GPT that predicts each next character, and encoders that see both sides
and guess 15 % or 40 % of the characters, which were hidden.

Then all of them get one question, on windows of the held-out plays with one character
hidden in the middle: which is it? The encoder is asked as it was trained. The GPT is
asked twice: what comes next after the left side; and, for every character in turn, how
likely the window would be with that one in the gap.
"""

from itertools import islice
from statistics import mean

import torch
from torch import Tensor, nn

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import GPTConfig
from lib.model.encoder import Encoder
from lib.model.gpt import GPT

SIZES = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
SEEDS, STEPS, EVERY, BATCH, TIME, LR = (0, 1, 2), 1000, 50, 12, 64, 0.01
HIDDEN = {"next token": 0.0, "masked, 15 %": 0.15, "masked, 40 %": 0.4}
GAP, WINDOWS = 32, 192  # the place of the gap, and how many are asked


def batches(ids: Tensor, mask: int, share: float, batch: int, seed: int):
    """Windows with the next token, or with hidden ones, to predict."""
    plain = train.windows(ids, batch, TIME, seed=seed)
    if not share:
        return plain
    return train.mask_tokens(plain, mask, vocab=mask, share=share, seed=seed)


def learn(name: str, ids: Tensor, other: Tensor, mask: int, seed: int):
    """The trained model and its held-out curve."""
    torch.manual_seed(seed)
    kind = Encoder if HIDDEN[name] else GPT
    share = HIDDEN[name]
    model = kind(GPTConfig(mask + 1, **SIZES, init_std=0.06))
    test = islice(batches(other, mask, share, 64, seed=9), 12)
    history = train.train(
        model,
        train.adamw(model, LR),
        batches(ids, mask, share, BATCH, seed),
        STEPS,
        callbacks=[train.Evaluate(EVERY, test)],
    )
    return model, [round(loss, 4) for _, loss in history.held_out]


@torch.no_grad()
def fill(model: nn.Module, windows: Tensor, mask: int) -> dict[str, float]:
    """Mean surprise, in nats, at the character in the gap."""
    model.eval()
    truth = windows[:, GAP]
    if isinstance(model, Encoder):
        hidden = windows.clone()
        hidden[:, GAP] = mask
        return {"both sides": surprise(model(hidden)[:, GAP, :mask], truth)}
    left = model(windows[:, :GAP])[:, -1, :mask]
    tried = torch.stack([whole(model, windows, token) for token in range(mask)], dim=1)
    return {"left side": surprise(left, truth), "each tried": surprise(tried, truth)}


def whole(model: nn.Module, windows: Tensor, token: int) -> Tensor:
    """How likely each window is with that token in the gap: the logarithm."""
    tried = windows.clone()
    tried[:, GAP] = token
    scores = model(tried).log_softmax(dim=-1)[:, GAP - 1 : -1]
    return scores.gather(2, tried[:, GAP:, None]).sum(dim=(1, 2))


def surprise(scores: Tensor, truth: Tensor) -> float:
    return round(nn.functional.cross_entropy(scores, truth).item(), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: on this budget the GPT fills gaps best."""
    gaps = figures["gap_nats_by_seed"]
    encoders = [
        mean(seed["both sides"] for seed in runs)
        for name, runs in gaps.items()
        if name != "next token"
    ]
    gpt = mean(seed["each tried"] for seed in gaps["next token"])
    return [Target("GPT beside the best encoder", min(encoders) - gpt, 0.2, "nats")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    mask = text.vocab
    windows = torch.cat(
        [x for x, _ in islice(train.windows(text.held_out, 64, TIME, 8), 3)]
    )
    curves = {name: [] for name in HIDDEN}
    gaps = {name: [] for name in HIDDEN}
    for seed in SEEDS:
        for name in HIDDEN:
            model, curve = learn(name, text.ids, text.held_out, mask, seed)
            curves[name].append(curve)
            gaps[name].append(fill(model, windows[:WINDOWS], mask))
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": mask + 1},
        "training": {"batch": BATCH, "lr": LR, "steps": STEPS, "time": TIME},
        "steps": list(range(EVERY, STEPS + 1, EVERY)),
        "held_out_nats_by_seed": curves,
        "gap_nats_by_seed": gaps,
        "windows": WINDOWS,
    }
    conclude("objectives", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
