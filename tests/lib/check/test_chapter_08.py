"""The checkers of chapter 8, fine-tuning: right passes, wrong is told why."""

import pytest
import torch

from tests.helpers.checkers import assert_right, exercise_tests


def drop_words(ids, share, chance, least=1, shuffled=False):
    kept = [number for number in ids if chance.random() >= share]
    if shuffled:
        chance.shuffle(kept)
    return kept or [chance.choice(ids)] * least


def hide(ids, hidden, mask):
    return torch.where(hidden, mask, ids), torch.where(hidden, ids, -1)


def hide_in_place(ids, hidden, mask):
    targets = torch.where(hidden, ids, -1)
    ids[hidden] = mask
    return ids, targets


def adapter_size(shapes, rank, rows=True, columns=True, old=False):
    return sum(rank * (rows * a + columns * b) + old * a * b for a, b in shapes)


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
    "word_dropout": drop_words,
    "hide": hide,
    "lora_size": adapter_size,
    "shuffled": 0.5,
    "calibration_error": binned,
    "integrated": path,
}
WRONG = [
    ("shuffled", -5, "above 0"),
    ("shuffled", 10.0, "does not know their order"),
    ("shuffled", 37, "nearly guessing"),
    ("shuffled", 50, "below guessing"),
    ("shuffled", "none", "should be one number"),
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
    ("hide", lambda i, h, m: (i,), "return two tensors"),
    ("hide", hide_in_place, "ids that came in are changed"),
    ("hide", lambda i, h, m: (torch.where(h, i, m), i), "true where a token is"),
    ("hide", lambda i, h, m: (i, i), "should see `mask`"),
    ("hide", lambda i, h, m: (hide(i, h, m)[0], i), "all others get -1"),
    ("hide", lambda i, h, m: (hide(i, h, m)[0], hide(i, ~h, m)[1]), "are the hidden"),
    ("hide", lambda i, h, m: (hide(i, h, m)[0], torch.where(h, m, -1)), "not the mask"),
    ("hide", lambda i, h, m: (hide(i, h, m)[0], i - 1), "should be the hidden"),
    ("lora_size", lambda s, r: adapter_size(s, r, rows=False), "`down` and `up`"),
    ("lora_size", lambda s, r: adapter_size(s, 1), "multiply by it"),
    ("lora_size", lambda s, r: adapter_size(s[:1], r), "add them up"),
    ("lora_size", lambda s, r: adapter_size(s, 0, old=True), "beside them"),
    ("lora_size", lambda s, r: adapter_size(s, r, old=True), "thin ones alone"),
    ("lora_size", lambda s, r: 7, "gives 20, not 7"),
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


@pytest.mark.parametrize("guess", [torch.tensor(0.5), 0, -0.5])
def test_a_guess_may_be_a_tensor_or_whole_or_below_zero(guess):
    assert_right("shuffled", guess)


test_right, test_wrong, test_not_done, test_complete = exercise_tests(8, RIGHT, WRONG)
