"""Batches: windows of a text, all of it or at random, and masked tokens."""

import math
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.train import consecutive_windows, mask_tokens, windows


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 9))
def test_targets_are_the_inputs_one_token_later(batch, time, seed):
    x, y = next(windows(torch.arange(20), batch, time, seed))
    assert x.shape == y.shape == (batch, time)
    assert y.equal(x + 1)


def test_windows_reach_both_ends_of_the_text():
    drawn = torch.cat(
        [torch.cat(pair) for pair in islice(windows(torch.arange(6), 8, 3), 20)]
    )
    assert drawn.min() == 0 and drawn.max() == 5


def test_the_same_seed_draws_the_same_windows():
    first, second, other = (
        next(windows(torch.arange(99), 4, 8, seed))[0] for seed in (1, 1, 2)
    )
    assert first.equal(second) and not first.equal(other)


@pytest.mark.parametrize("cut", [windows, consecutive_windows])
def test_a_text_that_is_too_short_is_refused(cut):
    with pytest.raises(ValueError, match="need 5 tokens, got 4"):
        next(cut(torch.arange(4), 1, 4))
    assert next(cut(torch.arange(5), 1, 4))[1].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("cut", [windows, consecutive_windows])
@pytest.mark.parametrize("batch, time", [(0, 4), (4, 0), (-1, 4)])
def test_windows_of_nothing_are_refused(cut, batch, time):
    with pytest.raises(ValueError, match=f"got batch={batch}, time={time}"):
        next(cut(torch.arange(9), batch, time))


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 8))
def test_consecutive_windows_ask_for_every_token_once(length, batch, time):
    if length <= time:
        return
    ids = torch.arange(length)
    drawn = list(consecutive_windows(ids, batch, time))
    asked = torch.cat([targets.flatten() for _, targets in drawn])
    left = (length - 1) % time
    assert asked.equal(ids[1 : length - left])
    for x, y in drawn:
        assert y.equal(x + 1) and x.shape[1] == time
    assert all(len(x) == batch for x, _ in drawn[:-1]) and len(drawn[-1][0]) <= batch


def masked(vocab, share=0.15, seed=0):
    """The ids before and after masking, and the targets, of one large batch."""
    ids = torch.randint(vocab, (200, 100), generator=torch.Generator().manual_seed(1))
    seen, targets = next(mask_tokens([(ids, ids)], vocab, vocab, share, seed))
    return ids, seen, targets


def likely(hits, of, share):
    """Whether so many hits lie within four standard deviations of a binomial."""
    return abs(hits - of * share) <= 4 * math.sqrt(of * share * (1 - share))


def test_four_fifths_are_masked_a_tenth_is_random_a_tenth_stays():
    ids, seen, targets = masked(vocab=1000)
    chosen = targets >= 0
    assert targets[chosen].equal(ids[chosen]) and (targets[~chosen] == -1).all()
    assert seen[~chosen].equal(ids[~chosen])
    assert likely(chosen.sum(), ids.numel(), 0.15)
    was = ids[chosen]
    now, many = seen[chosen], chosen.sum()
    assert likely((now == 1000).sum(), many, 0.8)
    assert likely(((now != 1000) & (now != was)).sum(), many, 0.1 * 999 / 1000)
    assert likely((now == was).sum(), many, 0.1 + 0.1 / 1000)
    random = now[(now != 1000) & (now != was)]
    assert random.min() >= 0 and random.max() < 1000 and len(random.unique()) > 200


def test_masking_follows_transformers(tmp_path):
    """As many are chosen, masked and left as by the collator of `transformers`."""
    from transformers import BertTokenizer, DataCollatorForLanguageModeling

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(996)), "[MASK]"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    collator = DataCollatorForLanguageModeling(
        BertTokenizer(str(tmp_path / "vocab.txt")), seed=0
    )
    ids, seen, targets = masked(vocab=1000)
    theirs, labels = collator.torch_mask_tokens(
        ids.clone(), torch.zeros_like(ids, dtype=torch.bool)
    )
    assert shares(ids, seen, targets >= 0) == pytest.approx(
        shares(ids, theirs, labels != -100), abs=0.02
    )


def shares(before, after, chosen):
    """Of the tokens chosen; of those, masked and left as they were."""
    kinds = [chosen, (after == 1000)[chosen], (after == before)[chosen]]
    return [kind.float().mean().item() for kind in kinds]


@given(st.floats(1e-9, 1.0), st.integers(0, 99))
def test_at_least_one_token_is_chosen(share, seed):
    ids = torch.arange(6).view(2, 3)
    _, targets = next(mask_tokens([(ids, ids)], 6, 6, share, seed))
    assert (targets >= 0).any() and (share < 1 or (targets >= 0).all())


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_cannot_be_is_refused(share):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        next(mask_tokens([], 6, 6, share))
