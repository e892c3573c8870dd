"""What two processes do together; `torch.distributed.run` starts this program twice.

Writes what it found to FOLDER/found.json, and runs to folders beside it.
"""

import copy
import json
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import torch
import torch.distributed as dist

from lib.train import (
    Checkpoint,
    Diverged,
    Evaluate,
    Run,
    TensorBoard,
    adamw,
    distributed,
    loop,
    token_loss,
    train,
)
from tests.helpers.runs import CONFIG, At, batches, make


def gradients():
    """The largest difference from one process that has the whole batch; the losses."""
    model, optimizer = make()
    alone, batch = copy.deepcopy(model), next(batches(batch=8))
    loss = token_loss(alone, batch)
    loss.backward()
    drawn = distributed.share([batch])
    run = Run(model, optimizer, drawn, 1, objective=distributed.spread(model))
    together = loop.add_gradient(run, next(run.batches))
    pairs = zip(model.parameters(), alone.parameters(), strict=True)
    apart = max((a.grad - b.grad).abs().max().item() for a, b in pairs)
    return [apart, loss.item(), together]


def run_together(*hooks, sharded=False, config=CONFIG):
    model, _ = make(config)
    if sharded:
        distributed.shard(model)
    objective = distributed.spread(model)
    measured = list(distributed.share([next(batches(seed=9))]))
    torch.manual_seed(distributed.rank())
    history = train(
        model,
        adamw(model, 0.01),
        distributed.share(batches()),
        10,
        callbacks=[Evaluate(2, measured), *hooks],
        objective=objective,
    )
    return model, history


def spoil():
    """An objective that is NaN in the second process alone, at the fourth step."""
    calls = count(1)

    def objective(model, batch):
        loss = token_loss(model, batch)
        bad = next(calls) == 4 and distributed.rank() == 1
        return loss * float("nan") if bad else loss

    return objective


def diverge():
    """How each process's run ends when one of them meets NaN, and with what weights."""
    (model, optimizer), kept = make(), []
    keep = At(2, lambda run: kept.extend(w.detach().clone() for w in run.weights))
    settings = {"callbacks": [keep], "objective": distributed.spread(model, spoil())}
    try:
        train(model, optimizer, distributed.share(batches()), 10, **settings)
    except Diverged as error:
        pairs = zip(kept, model.parameters(), strict=True)
        return [str(error), all(a.equal(b) for a, b in pairs)]


def interrupt(run):
    run.interrupted = distributed.rank() == 1


def refusal(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except ValueError as error:
        return str(error)


def tell(value):
    """What each process says, as a list."""
    said = [None] * distributed.count()
    dist.all_gather_object(said, value)
    return said


def main(folder):
    found = {"gradients": tell(gradients())}
    found["diverged"] = tell(diverge())
    _, history = run_together(At(3, interrupt), Checkpoint(folder / "stopped"))
    found["interrupted"] = tell([history.stopped, len(history.losses)])
    board = TensorBoard(folder / "board")
    model, history = run_together(board, Checkpoint(folder / "two", every=4))
    found["history"] = tell([history.losses, history.held_out, history.tokens])
    weights = torch.cat([weight.flatten() for weight in model.parameters()]).double()
    found["weights"] = tell(weights.sum().item())
    run_together(Checkpoint(folder / "one", every=4))
    run_together(Checkpoint(folder / "one sharded", every=4), sharded=True)
    run_together(Checkpoint(folder / "sharded", every=4), sharded=True)
    drowsy = replace(CONFIG, dropout=0.1)
    run_together(Checkpoint(folder / "drowsy", every=4), config=drowsy)
    half = [Checkpoint(folder / "drowsy half", every=4)]
    try:
        run_together(At(6, lambda run: 1 / 0), *half, config=drowsy)
    except ZeroDivisionError:
        run_together(*half, config=drowsy)
    own = folder / ("two" if distributed.rank() else "nowhere")
    found["apart"] = tell(refusal(run_together, Checkpoint(own, every=4)))
    found["uneven"] = tell(refusal(lambda: next(distributed.share(batches(batch=3)))))
    if distributed.rank() == 0:
        (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.joined(torch.device("cpu")):
        main(Path(sys.argv[1]))
