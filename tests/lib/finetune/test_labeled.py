"""Labeled batches: every text once a round, little padding, honest changes."""

import random
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from lib.finetune.labeled import (
    class_weights,
    in_order,
    labeled_batches,
    word_dropout,
)

TEXTS = [[n + 3] * (1 + n % 7) for n in range(40)]
LABELS = [n % 2 for n in range(40)]


def rows(batch):
    """The texts of a batch without their padding, and their labels."""
    ids, lengths, labels = batch
    for row, length in zip(ids, lengths, strict=True):
        assert not row[length:].any() and row[:length].all()
    texts = [row[:n].tolist() for row, n in zip(ids, lengths, strict=True)]
    return list(zip(texts, labels.tolist(), strict=True))


def test_a_round_has_every_text_once_with_its_label():
    batches = labeled_batches(TEXTS, LABELS, batch=8, seed=3)
    for _ in range(3):
        seen = [pair for batch in islice(batches, 5) for pair in rows(batch)]
        assert sorted(seen) == sorted(zip(TEXTS, LABELS, strict=True))


def test_batches_depend_on_the_seed_alone():
    first, same, other = (
        next(labeled_batches(TEXTS, LABELS, 8, seed))[0].tolist() for seed in (1, 1, 2)
    )
    assert first == same != other


def test_texts_of_like_lengths_go_together():
    chance = random.Random(0)
    texts = [[3] * chance.randint(1, 200) for _ in range(256)]
    batches = islice(labeled_batches(texts, [0, 1] * 128, batch=16), 16)
    sizes = [(lengths.sum(), ids.numel()) for ids, lengths, _ in batches]
    words, places = (sum(each) for each in zip(*sizes, strict=True))
    assert words / places > 0.9  # the rest is padding


def test_a_set_smaller_than_a_batch_is_one_batch():
    ids, _, labels = next(labeled_batches(TEXTS[:4], LABELS[:4], batch=32))
    assert len(ids) == 4 and sorted(labels.tolist()) == [0, 0, 1, 1]


def test_texts_are_measured_in_order():
    pairs = [pair for batch in in_order(TEXTS, LABELS, 16) for pair in rows(batch)]
    assert pairs == list(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize(
    "texts, labels, message",
    [
        ([], [], "got 0 texts and 0 labels"),
        ([[3], [4]], [0], "got 2 texts and 1 labels"),
        ([[3], [], [4]], [0, 1, 1], r"got none in numbers \[1\]"),
        ([[3], [4]], [1, 1], "2 classes or more, all are 1"),
    ],
)
def test_sets_that_teach_nothing_are_refused(texts, labels, message):
    with pytest.raises(ValueError, match=message):
        next(labeled_batches(texts, labels, batch=2))


@given(st.lists(st.integers(1, 9), min_size=1), st.floats(0, 0.9), st.integers(0, 9))
def test_word_dropout_leaves_words_out_and_keeps_their_order(ids, share, seed):
    kept = word_dropout(share)(ids, random.Random(seed))
    rest = iter(ids)
    assert kept and all(number in rest for number in kept)  # a subsequence
    assert share > 0 or kept == ids


def test_word_dropout_leaves_out_its_share():
    kept = word_dropout(0.3)(range(10_000), random.Random(0))
    assert len(kept) / 10_000 == pytest.approx(0.7, abs=0.02)


def test_shares_that_cannot_be_are_refused():
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"below 1, got {share}"):
            word_dropout(share)


@given(st.lists(st.integers(0, 3)))
def test_class_weights_are_scikit_learns(more):
    labels = [0, 1, 2, 3, *more]
    classes = np.arange(4)
    expected = compute_class_weight("balanced", classes=classes, y=np.array(labels))
    assert class_weights(labels, 4).tolist() == pytest.approx(expected.tolist())


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1, got \[-1, 2\]"):
        class_weights([0, 1, 2, -1, 2], 2)
    with pytest.raises(ValueError, match="labels must be of all 3 classes"):
        class_weights([0, 1], 3)


@pytest.mark.parametrize("make", [np.array, torch.tensor, tuple])
@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
def test_ids_and_labels_may_be_arrays_or_tensors(make, kind):
    texts = [make(ids) for ids in TEXTS]
    labels = np.array(LABELS, kind)
    for batches in (labeled_batches, in_order):
        found = next(iter(batches(texts, labels, 8)))
        expected = next(iter(batches(TEXTS, LABELS, 8)))
        assert all(a.equal(b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "texts, labels, message",
    [
        ([[3], [4]], np.array([0.5, 1.0]), "whole numbers, got float64 of shape"),
        ([[3], [4]], torch.tensor([[0], [1]]), r"int64 of shape \(2, 1\)"),
        ([[3], [4]], np.array(["good", "bad"]), "whole numbers, got str"),
        (torch.tensor([[0.5], [1.5]]), [0, 1], r"lists of ids, got \[0.5\]"),
        ([[3], [4], [5]], np.array([True, False]), "got 3 texts and 2 labels"),
    ],
)
def test_what_is_no_label_and_no_text_is_refused_at_once(texts, labels, message):
    for batches in (labeled_batches, in_order):
        with pytest.raises(ValueError, match=message):
            batches(texts, labels, 2)


def test_batches_without_a_text_are_refused_at_once():
    for batches in (labeled_batches, in_order):
        with pytest.raises(ValueError, match="batch must be above 0, got 0"):
            batches(TEXTS, LABELS, 0)
    with pytest.raises(ValueError, match="of all 2 classes, got "):
        class_weights([], 2)
