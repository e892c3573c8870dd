"""One process with a process group of its own: FSDP2 over NCCL, or gloo on the CPU.

python tests/helpers/alone.py DEVICE FOLDER, with what `torch.distributed.run` sets in
the environment, writes what it found to FOLDER/found.json.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from lib.model.gpt import GPT
from lib.train import Checkpoint, Evaluate, adamw, distributed, train, windows
from tests.helpers.devices import TIME, learnable, small


def summed(device):
    """What the processes, one here, add up on the device."""
    numbers = torch.arange(3.0, device=device)
    dist.all_reduce(numbers)
    return numbers.tolist()


def learn(device, *hooks, sharded=False, **settings):
    """A run of ten steps; the losses it measured."""
    torch.manual_seed(0)
    model = GPT(small()).to(device)
    if sharded:
        distributed.shard(model)
    assert sharded == all(isinstance(w, DTensor) for w in model.parameters())
    batches = distributed.share(windows(learnable(), 8, TIME, seed=5))
    held_out = [next(windows(learnable().flip(0), 8, TIME))]
    model = distributed.spread(model)
    rule, hooks = adamw(model, 0.01), [Evaluate(5, held_out), *hooks]
    history = train(model, rule, batches, 10, callbacks=hooks, **settings)
    return [*history.losses, *(loss for _, loss in history.held_out)]


def main(name, folder):
    with distributed.joined(torch.device(name)) as device:
        found = {
            "plain": learn(device),
            "sharded": learn(device, Checkpoint(folder / "run", every=5), sharded=True),
            "bfloat16": learn(device, sharded=True, precision="bfloat16"),
            "again": learn(device, Checkpoint(folder / "run", every=5)),
            "sum": summed(device),
            "device": str(device),
            "backend": dist.get_backend(dist.group.WORLD),
        }
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]))
