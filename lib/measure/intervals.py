"""Intervals: how far a mean of a few measurements may be off."""

from collections.abc import Sequence
from statistics import mean, stdev


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of repeated measurements and its standard error, 0 for a single one.

    Raises ValueError when there is no measurement.
    """
    if not values:
        raise ValueError("values must hold at least one measurement, got none")
    if len(values) == 1:
        return float(values[0]), 0.0
    return mean(values), stdev(values) / len(values) ** 0.5
