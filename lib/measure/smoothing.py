"""Smoothing: how much of a count to believe, and how much to leave to shorter runs.

A run of tokens is what came before (its past) and one more token. Each function takes
how often each run came, and gives each run its share among those with the same past;
what it holds back of a past is `left` to the past that is one token shorter:

    p(token | past) = share(past, token) + left(past) * p(token | shorter past)
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Believed(NamedTuple):
    """The share of each run, and what each past leaves to a shorter one."""

    shares: Float[Tensor, " run"]
    left: Float[Tensor, " past"]


def backing_off(
    counts: Int[Tensor, " run"], past: Int[Tensor, " run"], pasts: int
) -> Believed:
    """Believe every count: only a past that never came leaves anything, and then all.

    Source: Brants et al. 2007, "Large Language Models in Machine Translation", section
    4 (without its factor).
    """
    total = _totals(counts, past, pasts)
    return _believed(counts, past, total, left=0.0 * total)


def witten_bell(
    counts: Int[Tensor, " run"], past: Int[Tensor, " run"], pasts: int
) -> Believed:
    """A past leaves more, the more different tokens followed it.

    Each of them was new once: with T different ones in n, the next is new with
    probability T / (n + T).

    Source: Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for
    Language Modeling", section 2.5.
    """
    different = _totals((counts > 0).long(), past, pasts)
    total = _totals(counts, past, pasts) + different
    return _believed(counts, past, total, left=different)


def kneser_ney(
    counts: Int[Tensor, " run"], past: Int[Tensor, " run"], pasts: int
) -> Believed:
    """Take a little from each count, and leave that: modified Kneser-Ney, interpolated.

    What is taken depends on the count alone (`discounts`). In all runs but the longest
    a count is not how often a run came, but after how many different tokens: `NGram`
    sees to that.

    Source: Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for
    Language Modeling", section 3.
    """
    taken = discounts(counts)[counts.clamp(max=3)]
    total = _totals(counts, past, pasts)
    return _believed(counts - taken, past, total, left=_totals(taken, past, pasts))


def discounts(counts: Int[Tensor, " run"]) -> Float[Tensor, "4"]:
    """What to take from a count of 0, 1, 2, and 3 or more.

    With n_k runs that came k times, k - (k + 1) * Y * n_{k+1} / n_k of the count k,
    where Y = n_1 / (n_1 + 2 n_2). Half of k where the counts are too few to say, and
    that would be below 0 or above k.

    Source: as `kneser_ney`.
    """
    n = torch.bincount(counts.clamp(max=5), minlength=6).double()
    k = torch.arange(4.0, dtype=torch.float64)
    share = n[1] / (n[1] + 2 * n[2])
    taken = k - (k + 1) * share * n[1:5] / n[:4]
    fits = (taken >= 0) & (taken <= k)  # not so where it is NaN
    taken = torch.where(fits, taken, k / 2)
    taken[0] = 0
    return taken


SMOOTHINGS = {
    "backing off": backing_off,
    "Kneser-Ney": kneser_ney,
    "Witten-Bell": witten_bell,
}


def _totals(
    amounts: Tensor, past: Int[Tensor, " run"], pasts: int
) -> Float[Tensor, " past"]:
    """The amounts of all runs with the same past, added up."""
    return torch.bincount(past, amounts.double(), pasts)


def _believed(
    kept: Tensor, past: Int[Tensor, " run"], total: Tensor, left: Tensor
) -> Believed:
    """Both as shares of the total; a past without any run leaves everything."""
    shares = (kept / total[past].clamp(min=1)).float()
    return Believed(shares, torch.where(total > 0, left / total, 1.0).float())
