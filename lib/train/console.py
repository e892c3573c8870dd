"""The console: a bar that shows how a run goes, and Ctrl-C to end it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from tqdm import tqdm

from lib.train import distributed
from lib.train.run import Run


@runtime_checkable
class Interruptible(Protocol):
    """What looks now and then whether it was interrupted: a run, a text."""

    interrupted: bool


@contextmanager
def interruptible(work: Interruptible) -> Iterator[None]:
    """Let the first Ctrl-C end a run after its step; a second one breaks that off.

    Only a program's main thread is told of a Ctrl-C; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler

    def ask(*_) -> None:
        work.interrupted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def progress_bar(run: Run) -> tqdm:
    """A bar over the steps; it is gone when the run ends."""
    return tqdm(
        total=run.steps,
        initial=run.step,
        leave=False,
        ncols=76,
        disable=distributed.rank() > 0,
    )


def show_progress(bar: tqdm, run: Run) -> None:
    """Loss and tokens a second; the bar itself adds the time left."""
    if bar.disable:
        return
    seconds = max(1e-9, bar.format_dict["elapsed"])
    speed = run.history.tokens / seconds * (run.step - bar.initial) / run.step
    shown = f"loss {run.history.losses[-1]:.2f}, {speed:,.0f} tokens/s"
    bar.set_postfix_str(shown, refresh=False)
    bar.update(run.step - bar.n)
