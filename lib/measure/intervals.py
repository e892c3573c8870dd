"""Intervals: how far the mean of a few measurements may be off."""

import math
from collections.abc import Sequence
from statistics import mean, stdev


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of repeated measurements and its standard error, 0 for a single one.

    Raises ValueError when there is no measurement, or one is not finite.
    """
    values = [float(value) for value in values]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"values must be finite, and at least one, got {values}")
    if len(values) == 1:
        return values[0], 0.0
    return mean(values), stdev(values) / len(values) ** 0.5
