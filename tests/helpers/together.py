"""What two processes do together: python tests/helpers/together.py FOLDER.

Writes what they found to FOLDER/found.json, and runs to folders beside it. This program
becomes both by forking, which spares the second one its imports; that the same holds
under `torch.distributed.run` is shown by a test of the command line.
"""

import copy
import json
import os
import socket
import sys
import traceback
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import torch
import torch.distributed as dist

from lib.model.modes import unwrap
from lib.train import (
    Checkpoint,
    Diverged,
    Evaluate,
    Run,
    TensorBoard,
    adamw,
    distributed,
    evaluate,
    loop,
    token_loss,
    train,
)
from tests.helpers.runs import CONFIG, At, batches, make


def gradients(batch):
    """The largest difference from one process that has the whole batch; the losses."""
    model, optimizer = make()
    alone = copy.deepcopy(model)
    loss = token_loss(alone, batch)
    loss.backward()
    run = Run(distributed.spread(model), optimizer, distributed.share([batch]), 1)
    drawn = next(run.batches)
    (share,) = loop.share_targets(run, [drawn])
    together = distributed.total(loop.add_gradient(run, drawn, share))
    held_out = evaluate(run.model, [drawn])
    pairs = zip(model.parameters(), alone.parameters(), strict=True)
    apart = max((a.grad - b.grad).abs().max().item() for a, b in pairs)
    return [apart, loss.item(), together, held_out]


def thinned(*kept):
    """A batch of 8 rows; of each half, so many targets count."""
    ids, targets = next(batches(batch=8))
    thin = torch.full_like(targets, -1)
    for half, few in zip((0, 4), kept, strict=True):
        thin[half, :few] = targets[half, :few]
    return ids, thin


def run_together(*hooks, sharded=False, config=CONFIG):
    model, _ = make(config)
    if sharded:
        distributed.shard(model)
    model = distributed.spread(model)
    measured = list(distributed.share([next(batches(seed=9))]))
    torch.manual_seed(distributed.rank())
    history = train(
        model,
        adamw(model, 0.01),
        distributed.share(batches()),
        10,
        callbacks=[Evaluate(2, measured), *hooks],
    )
    return unwrap(model), history


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
    drawn = distributed.share(batches())
    synced = distributed.spread(model)
    try:
        train(synced, optimizer, drawn, 10, callbacks=[keep], objective=spoil())
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
    said = [None] * distributed.processes()
    dist.all_gather_object(said, value)
    return said


def main(folder):
    whole = next(batches(batch=8))
    cases = {"whole": whole, "unlike": thinned(8, 3), "none here": thinned(5, 0)}
    found = {name: tell(gradients(batch)) for name, batch in cases.items()}
    found["no target"] = tell(refusal(gradients, thinned(0, 0)))
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


def fork(work):
    """Be two processes, as `torch.distributed.run` would start them; both must end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    children = []
    for rank in ("0", "1"):
        children.append(os.fork())
        if children[-1] == 0:
            os.environ |= told | {"RANK": rank, "LOCAL_RANK": rank}
            os._exit(exit_code(work))
    return max(os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children)


def exit_code(work):
    try:
        work()
        return 0
    except BaseException:
        traceback.print_exc()
        return 1


def both(folder):
    with distributed.joined(torch.device("cpu")):
        main(folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(fork(partial(both, Path(sys.argv[1]))))
