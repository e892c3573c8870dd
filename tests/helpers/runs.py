"""Small training runs for the tests; as a program, runs that are killed and resumed.

python tests/helpers/runs.py FOLDER prints, for each point at which a run was killed
with SIGKILL, what was left in its folder and whether it ended like one that was not.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.train import Callback, Checkpoint, Evaluate, adamw, train, windows
from lib.train.checkpoints import storage

CONFIG = GPTConfig(vocab=7, context=8, width=8, layers=2, heads=2, hidden=12)
TEXT = torch.tensor(random.Random(0).choices(range(7), k=300))


def make(config=CONFIG, lr=0.01, seed=0, **options):
    """A model and its optimizer."""
    torch.manual_seed(seed)
    model = GPT(config)
    return model, adamw(model, lr, **options)


def batches(batch=4, seed=0, text=TEXT):
    return windows(text, batch, 8, seed)


def run(*callbacks, steps=10, config=CONFIG, drawn=None, **settings):
    """Train a small model; the model, its optimizer and the history."""
    model, optimizer = make(config)
    drawn = batches() if drawn is None else drawn
    history = train(model, optimizer, drawn, steps, callbacks=callbacks, **settings)
    return model, optimizer, history


def same(one, other):
    """Whether two runs ended with the same bits."""
    (a, a_optimizer, a_history), (b, b_optimizer, b_history) = one, other
    weights = zip(a.parameters(), b.parameters(), strict=True)
    state, again = (o.state_dict()["state"] for o in (a_optimizer, b_optimizer))
    kept = [(state[n][k], again[n][k]) for n in state for k in state[n]]
    return a_history == b_history and all(x.equal(y) for x, y in [*weights, *kept])


class At(Callback):
    """Calls `do(run)` after step `step`."""

    def __init__(self, step, do):
        self.step, self.do = step, do

    def after_step(self, run):
        if run.step == self.step:
            self.do(run)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def whole_run(folder=None, *callbacks):
    """A run with all that has a state: dropout, held-out losses, accumulation."""
    hooks = [Evaluate(2, [next(batches(seed=9))]), *callbacks]
    hooks += [Checkpoint(folder, every=3)] if folder else []
    return run(*hooks, config=replace(CONFIG, dropout=0.1), accumulate=2)


def die_at_call(owner, name, number):
    """Let the process die instead of making that call of `owner.name`."""
    real, left = getattr(owner, name), iter(range(number, 0, -1))
    setattr(owner, name, lambda *a, **k: die() if next(left) == 1 else real(*a, **k))


def killed_run(folder, point):
    kind, number = point.split()
    if kind == "step":
        whole_run(folder, At(int(number), die))
    elif kind == "optimizer":
        die_at_call(torch.optim.AdamW, "step", int(number))
    elif kind == "fsync":
        die_at_call(storage.os, "fsync", int(number))
    elif kind == "rename":
        die_at_call(storage.Path, "rename", int(number))
    elif kind == "rmtree":
        die_at_call(storage.shutil, "rmtree", int(number))
    whole_run(folder)


def in_child(function, *arguments, seconds=None):
    """Run a function in another process, killed after some seconds; how that ended."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        function(*arguments)
        os._exit(0)
    if seconds:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def main(folder):
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own is shared: who is killed keeps it
    tqdm.monitor_interval = 0  # and no thread that may hold it when we fork
    reference = whole_run()
    points = ["step 1", "step 3", "step 7", "optimizer 8", "fsync 1", "fsync 8"]
    points += ["fsync 11", "rename 1", "rename 3", "rename 4", "rename 6"]
    points += ["rmtree 1", "rmtree 2"]
    points += [f"clock {seconds}" for seconds in (0.05, 0.1, 0.15, 0.2)]
    for point in points:
        place = Path(folder) / point.replace(" ", "-")
        clock = float(point.split()[1]) if "clock" in point else None
        status = in_child(killed_run, place, point, seconds=clock)
        left = sorted(path.name for path in place.glob("*"))
        resumed = same(whole_run(place), reference)
        after = sorted(path.name for path in place.glob("*"))
        found = {"status": status, "left": left, "same": resumed, "after": after}
        print(json.dumps({"point": point} | found), flush=True)  # before the next fork


if __name__ == "__main__":
    main(sys.argv[1])
