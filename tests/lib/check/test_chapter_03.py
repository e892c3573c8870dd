"""The checkers of chapter 3, attention: right passes, wrong is told why."""

import math

from tests.helpers.checkers import exercise_tests


def attend(q, k, v, mask, divisor=None, axis=-1):
    scores = (
        q @ k.transpose(-2, -1) / (q.size(-1) ** 0.5 if divisor is None else divisor)
    )
    return scores.masked_fill(~mask, -math.inf).softmax(axis) @ v


def mask_after(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
    return scores.softmax(-1).masked_fill(~mask, 0) @ v


def no_overflow(scores, temperature):
    powers = (scores / temperature).exp()
    return powers / powers.sum(-1, keepdim=True)


RIGHT = {
    "row": [0.14, 0.23, 0.14, 0.14, 0.23, 0.14],
    "softmax": lambda scores, temperature: (scores / temperature).softmax(-1),
    "attention": attend,
    "join": lambda x: x.transpose(1, 2).flatten(2),
    "blind": 0.12,
}
WRONG = [
    ("row", [0, 1, 0, 0, 1, 0], "these are the scores"),
    ("row", [0, 0.5, 0, 0, 0.5, 0], "these are the scores"),
    ("row", [0.11, 0.29, 0.11, 0.11, 0.29, 0.11], "not divided by the square root"),
    ("row", [0.14, 0.23, 0.14, 0.14, 0.13, 0.14], "add up to 0.92"),
    ("row", [0.23, 0.14, 0.14, 0.14, 0.23, 0.14], "number 1 of the 6"),
    ("row", [0.5, 0.5], r"shape should be \(6,\), but is \(2,\)"),
    ("row", "what?", "stops with"),
    ("softmax", lambda s, t: (s * t).softmax(-1), "multiplied by the temperature"),
    ("softmax", lambda s, t: s.softmax(-1), "makes no difference"),
    ("softmax", lambda s, t: (s / t).softmax(0), "each row should add up to 1"),
    ("softmax", lambda s, t: (s / t / t).softmax(-1), "give 4 a share of 0.980"),
    ("softmax", no_overflow, "overflow; subtract the largest"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, 1), "not divided"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, q.size(-1)), "its square root"),
    (
        "attention",
        lambda q, k, v, m: attend(q, k, v, m | True),
        "mask makes no difference",
    ),
    ("attention", mask_after, "mask comes after the softmax"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, axis=-2), "over the queries"),
    ("attention", lambda q, k, v, m: attend(q, k, v, ~m), "wrong way round"),
    (
        "attention",
        lambda q, k, v, m: attend(q, k, v, m) + 1,
        "differ .* by up to 1.000",
    ),
    ("attention", lambda q, k, v, m: q @ k, "stops with RuntimeError"),
    ("attention", lambda q, k, v, m: 3, "should be a tensor, but is of type int"),
    ("join", lambda x: x.transpose(1, 2), "lay the heads of each word side by side"),
    ("join", lambda x: x.reshape(2, 5, 12), "words and heads are mixed up"),
    ("join", lambda x: x.permute(0, 2, 3, 1).flatten(2), "heads take turns"),
    ("join", lambda x: x.transpose(1, 2).flip(2).flatten(2), "of head 0, then head 1"),
    ("join", lambda x: x, r"shape should be \(2, 5, 12\)"),
    ("blind", 1.2, "between 0 and 1, and 1.2 is none"),
    ("blind", 0.99, "needs to know which token"),
    ("blind", 0, "softmax never says no"),
    ("blind", 1 / 16, "only the last row has 16"),
    ("blind", 0.25, "only the first row that counts"),
    ("blind", 0.33, "what is the mean of 1/4, 1/5"),
    ("blind", "much", "stops with"),
]


test_right, test_wrong, test_not_done, test_complete = exercise_tests(3, RIGHT, WRONG)
