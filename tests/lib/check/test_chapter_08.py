"""The checkers of chapter 8, fine-tuning: right passes, wrong is told why."""

import pytest
import torch

from tests.helpers.checkers import (
    assert_complete,
    assert_not_done,
    assert_right,
    assert_wrong,
)


def pool(x, real, many=None, axis=1):
    kept = x * real[..., None]
    return kept.sum(axis) / (real.sum(1, keepdim=True) if many is None else many)


def drop_words(ids, share, chance, least=1, shuffled=False):
    kept = [number for number in ids if chance.random() >= share]
    if shuffled:
        chance.shuffle(kept)
    return kept or [chance.choice(ids)] * least


def merged(weight, down, up, alpha, rank=3, weight_too=True):
    return weight_too * weight + alpha / rank * up @ down


def merge_lora_in_place(weight, down, up, alpha):
    weight += alpha / 3 * up @ down
    return weight


def adapter_size(shapes, rank, rows=True, columns=True, old=False):
    return sum(rank * (rows * a + columns * b) + old * a * b for a, b in shapes)


def rates(lr, decay, blocks, start=0, end=2):
    return [lr * decay**depth for depth in range(start, blocks + end)]


def scores(hits, false_alarms, missed, mean=False):
    precision, recall = (
        hits / (hits + other) if hits else 0.0 for other in (false_alarms, missed)
    )
    if mean:
        return precision, recall, (precision + recall) / 2
    return precision, recall, 2 * hits / (2 * hits + false_alarms + missed or 1)


def binned(chances, positive, bins, weighted=True, power=1, last=True, empty=False):
    error, used = 0.0, 0
    places = (bins * chances).long().clamp(max=bins - 1 if last else bins)
    for number in range(bins):
        inside = places == number
        if inside.any() or empty:
            gap = chances[inside].mean() - positive[inside].mean()
            gap = gap.abs() ** power if power else gap
            error += gap * (inside.float().mean() if weighted else 1)
            used += 1
    return error if weighted else error / used


def path(gradient, x, baseline, steps, place=0.5, start=None):
    start = baseline if start is None else start
    shares = [(n + place) / steps for n in range(steps)]
    points = [gradient(start + share * (x - start)) for share in shares]
    return (x - baseline) * torch.stack(points).mean(0)


RIGHT = {
    "mean_pool": pool,
    "word_dropout": drop_words,
    "lora": merged,
    "lora_size": adapter_size,
    "layer_rates": rates,
    "f1": scores,
    "calibration_error": binned,
    "integrated": path,
}
WRONG = [
    ("mean_pool", lambda x, real: x.mean(1), "padding is counted too"),
    ("mean_pool", lambda x, real: pool(x, real, 4), "but still counted"),
    ("mean_pool", lambda x, real: pool(x, real, 1), "this is the sum"),
    ("mean_pool", lambda x, real: pool(x, real, 7), "its own number of tokens"),
    ("mean_pool", lambda x, real: x.sum(-1), "not over the numbers"),
    ("mean_pool", lambda x, real: x[0], "the shape should be"),
    ("mean_pool", lambda x, real: pool(x, real) + 1, "means are not right"),
    ("word_dropout", lambda i, s, c: [n for n in i if c.random() > s], "at least one"),
    ("word_dropout", lambda i, s, c: drop_words(i, 1 - s, c), "30 % stay"),
    ("word_dropout", lambda i, s, c: [n * (c.random() > s) for n in i], "be replaced"),
    ("word_dropout", lambda i, s, c: [*drop_words(i, s, c), 1], "only words of the"),
    (
        "word_dropout",
        lambda i, s, c: drop_words(i, s, c, shuffled=True),
        "stay in their order",
    ),
    ("word_dropout", lambda i, s, c: i[: 700 if s else None], "decide on each word"),
    ("word_dropout", lambda i, s, c: drop_words(i, s / 9, c), "about 700 should stay"),
    ("word_dropout", lambda i, s, c: torch.tensor(i), "should be a list"),
    ("word_dropout", lambda i, s, c: drop_words(i, s, c, 0) or [0], "one of the text"),
    ("word_dropout", lambda i, s, c: drop_words(i, s or 0.1, c), "share of 0 all"),
    ("lora", lambda *a: merged(*a, rank=6), "alpha / rank"),
    ("lora", lambda *a: merged(*a, rank=1), "divided by the rank"),
    ("lora", lambda *a: merged(*a, rank=4), "smallest of the sizes"),
    ("lora", lambda *a: merged(*a, weight_too=False), "the change alone"),
    ("lora", merge_lora_in_place, "has changed; give a new one"),
    ("lora", lambda weight, *_: weight, "without its change"),
    ("lora", lambda w, *_: w.T, "the shape should be"),
    ("lora", lambda *a: merged(*a, rank=-3), "sum is not right"),
    ("lora_size", lambda s, r: adapter_size(s, r, rows=False), "`down` and `up`"),
    ("lora_size", lambda s, r: adapter_size(s, 1), "multiply by it"),
    ("lora_size", lambda s, r: adapter_size(s[:1], r), "add them up"),
    ("lora_size", lambda s, r: adapter_size(s, 0, old=True), "beside them"),
    ("lora_size", lambda s, r: adapter_size(s, r, old=True), "thin ones alone"),
    ("lora_size", lambda s, r: 7, "gives 20, not 7"),
    ("layer_rates", lambda *a: rates(*a)[::-1], "turn the list around"),
    ("layer_rates", lambda *a: rates(*a, 1, 3), "head has the whole rate"),
    ("layer_rates", lambda *a: rates(*a, end=0), "have rates too"),
    ("layer_rates", lambda *a: rates(*a, end=1), "head, 2 blocks and embedding"),
    ("layer_rates", lambda lr, d, n: [lr] + [lr * d] * (n + 1), "again with each"),
    (
        "layer_rates",
        lambda lr, d, n: [lr * (1 - d * i) for i in range(n + 2)],
        "of the one above it",
    ),
    ("layer_rates", lambda lr, d, n: [lr] * (n + 2), "blocks give"),
    ("layer_rates", lambda *a: rates(*a, end=3), "should be 4 rates, not 5"),
    ("layer_rates", lambda lr, d, n: lr, "should be a list"),
    ("f1", lambda h, f, m: scores(h, m, f), "changed places"),
    ("f1", lambda *a: scores(*a, mean=True), "not the mean of the two"),
    ("f1", lambda h, f, m: (h / (h + f), h / (h + m), 2 / 3), "divides by zero"),
    ("f1", lambda h, f, m: (h / 60, h / 50, 0.5), "of the 40 called positive"),
    ("f1", lambda h, f, m: (0.75, h / 60, 0.5), "of the 50 that are positive"),
    ("f1", lambda h, f, m: (0.75, 0.6, 0.7), "should be 0.6667"),
    ("f1", lambda h, f, m: (0.75, 0.6, 2 / 3), "not one hit"),
    ("f1", lambda *a: scores(*a)[:2], "three numbers"),
    ("calibration_error", lambda *a: binned(*a, weighted=False), "bins count alike"),
    ("calibration_error", lambda *a: binned(*a, power=0), "take absolute values"),
    ("calibration_error", lambda c, p, n: (c - p).abs().mean(), "text by text"),
    ("calibration_error", lambda c, p, n: binned(c, p, 1), "a single bin"),
    ("calibration_error", lambda *a: 8 * binned(*a), "divide by the number of texts"),
    ("calibration_error", lambda *a: binned(*a, power=2), "are squared"),
    ("calibration_error", lambda *a: binned(*a, last=False), "belongs to the last bin"),
    ("calibration_error", lambda *a: torch.tensor(torch.nan), "has no mean"),
    ("calibration_error", lambda *a: 0.5, "not 0.5000"),
    ("calibration_error", lambda c, p, n: c, "the shape should be"),
    (
        "integrated",
        lambda g, x, b, n: path(g, x, b, n) / (x - b),
        "multiply by the way",
    ),
    ("integrated", lambda g, x, b, n: path(g, x, b, n) / (x - b) * x, "not by x"),
    ("integrated", lambda *a: -path(*a), "signs are turned"),
    ("integrated", lambda *a: 5 * path(*a), "take the mean"),
    ("integrated", lambda g, x, b, n: (x - b) * g(x), "all along the way"),
    ("integrated", lambda *a: path(*a, place=1), "not at its ends"),
    ("integrated", lambda *a: path(*a, place=0), "not at its ends"),
    ("integrated", lambda g, x, b, n: path(g, x, b, n, start=0 * x), "not at zero"),
    ("integrated", lambda g, x, b, n: x, "here it should be"),
    ("integrated", lambda g, x, b, n: x[:2], "the shape should be"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    assert_right(name, RIGHT[name])


@pytest.mark.parametrize("name, answer, says", WRONG)
def test_wrong_answers_are_told_what_is_wrong(name, answer, says):
    assert_wrong(name, answer, says)


@pytest.mark.parametrize("name", RIGHT)
def test_an_exercise_not_yet_done_says_so(name):
    assert_not_done(name, RIGHT[name])


def test_every_exercise_has_a_right_and_three_wrong_answers():
    assert_complete(8, RIGHT, WRONG)
