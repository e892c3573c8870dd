"""The console: what the bar says, and that it goes away."""

import time

import pytest

from lib.train import Run
from lib.train.console import progress_bar, show_progress
from tests.helpers.runs import At, Callback, make, run


def test_the_bar_tells_loss_and_speed(capsys):
    model, optimizer = make()
    told = Run(model, optimizer, iter([]), 8)
    told.history.record(loss=2.345, norm=1.0, rate=1.0, tokens=6000)
    with progress_bar(told) as bar:
        bar.start_t -= 2  # seconds ago
        told.history.record(loss=2.345, norm=1.0, rate=1.0, tokens=6000)
        show_progress(bar, told)
        assert (bar.n, bar.total) == (2, 8)
        loss, speed = bar.postfix.split(", ")
        assert loss == "loss 2.35" or loss == "loss 2.34"
        tokens = int(speed.removesuffix(" tokens/s").replace(",", ""))
        assert tokens == pytest.approx(3000, rel=0.05)  # of the one step of this run


def test_the_bar_is_gone_at_the_end(capsys):
    run(At(3, lambda run: time.sleep(0.2)))  # a bar is drawn ten times a second
    shown = capsys.readouterr()
    assert "loss" in shown.err and "tokens/s" in shown.err and not shown.out
    assert shown.err.split("\r")[-1].strip() == "" or shown.err.endswith("\r")


def test_the_bar_is_gone_after_a_failure_too(capsys):
    with pytest.raises(ZeroDivisionError):
        run(At(3, lambda run: 1 / 0), Callback())
    assert capsys.readouterr().err.endswith("\r")
