"""Training: draw a batch, measure the loss, step downhill, again."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

Batch = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]


def windows(
    ids: Int[Tensor, " text"], batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of random windows of `ids`, and the same windows one token later.

    Raises ValueError when the text is too short for one window and its target.
    """
    if len(ids) <= time:
        raise ValueError(
            f"a window of {time} and its target need {time + 1} tokens, got {len(ids)}"
        )
    generator = torch.Generator().manual_seed(seed)
    while True:
        starts = torch.randint(len(ids) - time, (batch,), generator=generator)
        block = ids[starts[:, None] + torch.arange(time + 1)]  # batch time+1
        yield block[:, :-1], block[:, 1:]


def next_token_loss(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean surprise at the true next token, in nats; a target of -1 is not counted."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> float:
    """Mean loss over the batches, in nats a token, with dropout off."""
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    losses = [next_token_loss(model(x.to(device)), y.to(device)) for x, y in batches]
    model.train(was_training)
    return torch.stack(losses).mean().item()


def train(
    model: nn.Module,
    batches: Iterator[Batch],
    steps: int,
    lr: float,
    callbacks: Iterable[Callable[[int, list[float]], None]] = (),
) -> list[float]:
    """Take `steps` steps of AdamW down the next-token loss; return each loss, in nats.

    The learning rate climbs to `lr` over the first 50 steps and falls to zero over the
    last 60 %. After each step every callback gets the step's number and the losses so
    far.

    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0.1
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, (step + 1) / 50, (steps - step) / (0.6 * steps)),
    )
    losses = []
    progress = tqdm(islice(batches, steps), total=steps, leave=False, ncols=72)
    for step, (x, y) in enumerate(progress):
        loss = next_token_loss(model(x.to(device)), y.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        for callback in callbacks:
            callback(step, losses)
    return losses
