"""Schedules: by what factor the learning rate is multiplied at each step of a run.

Each raises ValueError for a setting that cannot be.
"""

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]  # step and number of steps to a factor


def warm_up_stable_decay(
    step: int, steps: int, warm_up: int = 50, decay: int | float = 0.6
) -> float:
    """Climb in a line for `warm_up` steps, stay at 1, fall to 0 over the last part.

    `decay` is the share of the run in which it falls, 0 to 1. Source: Hu et al. 2024,
    "MiniCPM: Unveiling the Potential of Small Language Models", section 4.
    """
    _check("warm_up", warm_up, 0, math.inf)
    _check("decay", decay, 0, 1)
    return min(1.0, _part(step + 1, warm_up), _part(steps - step, decay * steps))


def cosine(step: int, steps: int, warm_up: int = 50, floor: float = 0.1) -> float:
    """Climb in a line for `warm_up` steps, then fall to `floor` along half a cosine.

    Source: Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm
    Restarts", equation 5, for one period.
    """
    _check("warm_up", warm_up, 0, math.inf)
    if step < warm_up:
        return (step + 1) / warm_up
    along = (step - warm_up) / max(1, steps - warm_up)
    return floor + (1 - floor) * (1 + math.cos(math.pi * along)) / 2


def linear_decay(step: int, steps: int) -> float:
    """Fall from 1 to 0 in a straight line."""
    return 1 - step / max(1, steps)


def slanted_triangle(step: int, steps: int, rise: int | float = 0.1) -> float:
    """Climb in a line over the first part of the run, fall to 0 over the rest.

    `rise` is the share of the run in which it climbs, 0 to 1. Source: Howard & Ruder
    2018, "Universal Language Model Fine-tuning for Text Classification", section 3.2.
    """
    _check("rise", rise, 0, 1)
    climb = _part(step + 1, rise * steps)
    fall = _part(steps - step, (1 - rise) * steps)
    return min(climb, fall, 1.0)


def exponential_rise(step: int, steps: int, start: float = 1e-4) -> float:
    """Rise from `start` to 1, by the same factor at every step: to find a good rate.

    Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks",
    section 3.3, with a geometric rise.
    """
    if not 0 < start <= 1:
        raise ValueError(f"start must be above 0 and at most 1, got {start}")
    return start ** (1 - step / max(1, steps - 1))


def _part(steps: int | float, of: int | float) -> float:
    """How far along a slope it is; a slope of no steps is already behind."""
    return steps / of if of > 0 else 1.0


def _check(name: str, value: int | float, least: int, most: int | float) -> None:
    if not least <= value <= most:
        allowed = f"{least} or more"
        if most < math.inf:
            allowed = f"between {least} and {most}"
        raise ValueError(f"{name} must be {allowed}, got {value}")
