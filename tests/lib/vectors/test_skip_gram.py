"""Word vectors: each step beside the same done slowly, by hand."""

import copy
import inspect
import math
from collections import Counter
from itertools import islice

import pytest
import torch

from lib import train, vectors

TEXT = torch.randint(6, (500,), generator=torch.Generator().manual_seed(1))
COUNTS = torch.bincount(TEXT, minlength=6).float()
CHANCES = vectors.negative_chances(COUNTS)


def model_of(vocab=6, width=4):
    torch.manual_seed(0)
    model = vectors.SkipGram(vocab, width)
    torch.nn.init.normal_(model.neighbor.weight)
    return model


def slow_loss(model, words, others):
    """Mikolov et al. 2013, equation 4, one number after the other."""
    x, y = model.word.weight.tolist(), model.neighbor.weight.tolist()
    total = 0.0
    for word, (neighbor, *negatives) in zip(words, others, strict=True):
        for other, sign in [(neighbor, 1), *((s, -1) for s in negatives)]:
            score = sum(a * b for a, b in zip(x[word], y[other], strict=True))
            total -= math.log(1 / (1 + math.exp(-sign * score)))
    return total / len(words)


def test_the_loss_equals_the_slow_one():
    model, words, others = model_of(), [0, 3, 3], [[1, 2, 2], [0, 5, 1], [4, 3, 0]]
    scores = model(torch.tensor(words), torch.tensor(others))
    assert scores.shape == (3, 3)
    loss = vectors.negative_sampling_loss(scores).item()
    assert loss == pytest.approx(slow_loss(model, words, others), abs=1e-6)


@pytest.mark.parametrize("window", [1, 2, 9])
def test_whole_texts_have_the_loss_of_their_pairs(window):
    """Each pair of a text, one after the other, against the negatives they share."""
    model, negatives, total, weight = model_of(), [5, 1, 1], 0.0, 0.0
    texts = [[0, 3, 3, 2, 4], [1, 2]]
    for text in texts:
        for i, word in enumerate(text):
            for j, other in enumerate(text):
                if i != j and abs(i - j) <= window:
                    score = slow_loss(model, [word], [[other]])
                    far = slow_loss(model, [word], [[other, *negatives]]) - score
                    often = (window + 1 - abs(i - j)) / window
                    total += often * (score + 6 * far / 3)
                    weight += often
    batch = torch.tensor([texts[0], [1, 2, -1, -1, -1]]), torch.tensor(negatives)
    loss = vectors.negative_sampling_of_texts(model, batch, window, negatives=6)
    assert loss.item() == pytest.approx(total / weight, abs=1e-5)


def test_the_gradient_is_word2vecs():
    """For each pair (sigmoid(score) - is it the neighbor) times the other vector."""
    model = model_of()
    words, others = torch.tensor([2]), torch.tensor([[1, 4]])
    vectors.negative_sampling_loss(model(words, others)).backward()
    x, y = model.word.weight.detach(), model.neighbor.weight.detach()
    off = torch.sigmoid(y[[1, 4]] @ x[2]) - torch.tensor([1.0, 0.0])
    torch.testing.assert_close(model.word.weight.grad[2], off @ y[[1, 4]])
    torch.testing.assert_close(model.neighbor.weight.grad[4], off[1] * x[2])
    assert not model.word.weight.grad[[0, 1, 3, 4, 5]].any()


def test_before_training_every_guess_is_even():
    model = vectors.SkipGram(6, 4)
    scores = model(torch.tensor([0, 1]), torch.tensor([[1, 2, 3], [4, 5, 0]]))
    loss = vectors.negative_sampling_loss(scores).item()
    assert loss == pytest.approx(3 * math.log(2), abs=1e-6)


def test_thinning_keeps_the_rare_and_the_order():
    ids = torch.tensor([0] * 9900 + [1] * 100)
    counts = torch.tensor([9900.0, 100.0])
    kept = vectors.thin(ids, counts, threshold=0.01)
    assert (kept == 1).sum() == 100  # a share of 0.01 is not above the threshold
    assert (kept == 0).sum().item() == pytest.approx(
        9900 * (0.01 / 0.99) ** 0.5, rel=0.1
    )
    assert torch.equal(kept, kept.sort().values)


def test_neighbors_stand_within_the_window_nearer_ones_more_often():
    words, neighbors = next(vectors.skip_grams(torch.arange(1000), 60_000, window=4))
    seen = Counter((neighbors - words).tolist())
    assert set(seen) == {-4, -3, -2, -1, 1, 2, 3, 4}
    for distance, times in seen.items():
        assert times / 60_000 == pytest.approx((5 - abs(distance)) / 20, rel=0.05)
    assert words.min() == 4 and words.max() == 995


def test_the_same_seed_gives_the_same_batches():
    for seed, same in ((0, True), (1, False)):
        drawn = [
            next(
                vectors.sample_negatives(
                    vectors.skip_grams(TEXT, 64, 3, seed=s), CHANCES, 5, seed=s
                )
            )
            for s in (0, seed)
        ]
        assert torch.equal(drawn[0][0], drawn[1][0]) == same
        assert torch.equal(drawn[0][1], drawn[1][1]) == same


def test_a_text_shorter_than_its_window_is_refused():
    assert next(vectors.skip_grams(torch.arange(11), 2, window=5))
    with pytest.raises(ValueError, match="a window of 5 needs 11 words, got 10"):
        next(vectors.skip_grams(torch.arange(10), 2, window=5))


def test_negatives_come_by_their_chances():
    counts = torch.tensor([1.0, 16.0, 0.0, 81.0])
    chances = vectors.negative_chances(counts)
    torch.testing.assert_close(chances, torch.tensor([1.0, 8, 0, 27]) / 36)
    pairs = iter([(torch.zeros(20_000).long(), torch.full((20_000,), 2))])
    _, others = next(vectors.sample_negatives(pairs, chances, negatives=3))
    assert others.shape == (20_000, 4) and (others[:, 0] == 2).all()
    shares = torch.bincount(others[:, 1:].flatten(), minlength=4) / 60_000
    torch.testing.assert_close(shares, chances, atol=0.01, rtol=0)
    assert shares[2] == 0


def test_no_other_score_is_better_than_the_one_from_frequency():
    neighbors = torch.tensor([5.0, 1.0, 2.0])
    chances = torch.tensor([0.2, 0.5, 0.3])
    best = vectors.frequency_scores(neighbors, chances, negatives=4)

    def expected_loss(scores):
        hit = torch.nn.functional.logsigmoid(scores) @ (neighbors / 8)
        return -(hit + 4 * torch.nn.functional.logsigmoid(-scores) @ chances)

    for change in torch.eye(3):
        for step in (-0.1, 0.1):
            assert expected_loss(best + step * change) > expected_loss(best)


def test_training_learns_which_words_stand_together():
    """Two topics that never mix: words of one end up alike, and unlike the other's."""
    generator = torch.Generator().manual_seed(0)
    topics = (
        torch.arange(40).repeat_interleave(50) % 2
    )  # 50 words, then the topic turns
    ids = torch.randint(5, (2000,), generator=generator) + 5 * topics
    chances = vectors.negative_chances(torch.bincount(ids).float())
    pairs = vectors.skip_grams(ids, 256, window=3)
    batches = vectors.sample_negatives(pairs, chances, negatives=3)
    model, objective = model_of(10, 8), vectors.negative_sampling
    optimizer = train.adamw(model, lr=0.05, weight_decay=0.0)
    history = train.train(model, optimizer, batches, 150, objective=objective)
    assert sum(history.losses[-10:]) / 10 < 2.2 < history.losses[0]
    assert train.evaluate(model, islice(batches, 3), objective) < 2.2
    alike = vectors.cosines(model.word.weight.detach(), model.word.weight.detach())
    assert all(vectors.finds_its_group(alike, [0] * 5 + [1] * 5))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_losses_in_other_precision_are_nearly_the_same(dtype):
    model, batch = model_of(), (torch.tensor([[0, 3, 3, 2], [1, 2, -1, -1]]), TEXT[:3])
    words, others = torch.tensor([0, 3]), torch.tensor([[1, 2, 2], [0, 5, 1]])
    losses = []
    for net in (model, copy.deepcopy(model).to(dtype)):
        losses += [vectors.negative_sampling(net, (words, others))]
        losses += [vectors.negative_sampling_of_texts(net, batch, 2, negatives=3)]
    for exact, found in zip(losses[:2], losses[2:], strict=True):
        assert found.item() == pytest.approx(exact.item(), rel=0.02)


LINE = torch.arange(9)
ONES = torch.ones(3)
ODD = [  # each is refused when it is called, before a batch is asked for
    (lambda: vectors.SkipGram(0, 4), "vocab must be a whole number above 0, got 0"),
    (lambda: vectors.skip_grams(LINE, 0, 2), "batch must be a whole number above 0"),
    (lambda: vectors.skip_grams(LINE, 2, 0), "window must be a whole number above 0"),
    (lambda: vectors.skip_grams(LINE, 2, 5), "a window of 5 needs 11 words, got 9"),
    (lambda: plain(vectors.skip_grams)([1, 2], 2, 1), "ids must be a tensor of integ"),
    (lambda: vectors.thin(LINE, ONES), r"ids must lie in 0\.\.2, got 0\.\.8"),
    (lambda: vectors.thin(LINE[:3], ONES, 0.0), "threshold must be above 0, got 0.0"),
    (lambda: vectors.thin(LINE[:3], 0 * ONES), "counts must be 0 or above, and one of"),
    (lambda: vectors.negative_chances(-ONES), "counts must be 0 or above, and one of"),
    (lambda: vectors.negative_chances(0 * ONES), "counts must be 0 or above, and one"),
    (lambda: vectors.sample_negatives(iter([]), ONES, 0), "negatives must be a whole"),
    (lambda: vectors.sample_negatives(iter([]), 0 * ONES, 1), "counts must be 0 or ab"),
    (lambda: vectors.frequency_scores(ONES, 0 * ONES, 1), "chances must be above 0"),
    (lambda: plain(vectors.negative_sampling_loss)(ONES), "scores must be decimal num"),
]
plain = inspect.unwrap


@pytest.mark.parametrize("ask, says", ODD)
def test_odd_input_gets_a_sentence(ask, says):
    with pytest.raises(ValueError, match=says):
        ask()


def test_a_batch_without_a_pair_is_refused():
    batch = torch.tensor([[1], [2]]), torch.tensor([0])
    with pytest.raises(ValueError, match="batch must have texts of 2 words or more"):
        vectors.negative_sampling_of_texts(model_of(), batch, 2, negatives=3)
