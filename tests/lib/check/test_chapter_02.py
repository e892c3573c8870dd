"""The checkers of chapter 2, words as vectors: right passes, wrong is told why."""

import math

import torch

from tests.helpers.checkers import exercise_tests


def pair_loss(x, table, neighbor):
    return -(table @ x).log_softmax(dim=0)[neighbor]


def pair_loss_unsafe(x, table, neighbor):
    raised = (table @ x).exp()
    return -(raised[neighbor] / raised.sum()).log()


def rows(word=1, neighbor=6, full=3338):
    return {"word": word, "neighbor": neighbor, "full softmax": full}


def stays(counts, threshold):
    return (threshold * counts.sum() / counts).sqrt().clamp(max=1)


def cosine(v, table):
    return table @ v / (v.norm() * table.norm(dim=1))


RIGHT = {
    "one_hot": lambda ids, vocab: torch.nn.functional.one_hot(ids, vocab).float(),
    "pair_loss": pair_loss,
    "rows_moved": rows(),
    "loss_at_the_start": 16 * math.log(2),
    "stays": stays,
    "cosine": cosine,
}
WRONG = [
    ("one_hot", lambda ids, v: torch.eye(v)[:, ids], "but has a column"),
    ("one_hot", lambda ids, v: torch.eye(ids.max() + 1)[ids], "`vocab` does"),
    ("one_hot", lambda ids, v: torch.eye(v).long()[ids], "cannot multiply torch.int64"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids - 1], "off by one"),
    ("one_hot", lambda ids, v: torch.ones(v, v)[ids], "a single 1"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids].flip(0), "1 in column 2"),
    ("one_hot", lambda ids, v: torch.eye(v), "shape should be"),
    ("pair_loss", lambda x, t, n: t[n] @ x, "this is the score"),
    ("pair_loss", lambda x, t, n: pair_loss(x, t, n).neg().exp(), "the probability"),
    ("pair_loss", lambda x, t, n: -pair_loss(x, t, n), "the loss is minus that"),
    ("pair_loss", lambda x, t, n: pair_loss(x, t, n) / math.log(2), "this is in bits"),
    ("pair_loss", lambda x, t, n: -(t @ x).log_softmax(0).mean(), "the mean over all"),
    ("pair_loss", lambda x, t, n: pair_loss(x, t, 0), "differ .* by up to"),
    ("pair_loss", lambda x, t, n: -(t @ x).log_softmax(0), "the shape should be"),
    ("pair_loss", pair_loss_unsafe, "it is not finite"),
    ("rows_moved", rows(word=3338), "only the rows that are looked up"),
    ("rows_moved", rows(word=2), "not that many"),
    ("rows_moved", rows(neighbor=5), "the neighbor itself has a row too"),
    ("rows_moved", rows(neighbor=1), "each negative sample"),
    ("rows_moved", rows(neighbor=3338), "not drawn have no score"),
    ("rows_moved", rows(neighbor=12), "whose score is in the loss"),
    ("rows_moved", rows(full=6), "softmax divides by a sum"),
    ("rows_moved", rows(full=3337), "own score is in the loss as well"),
    ("rows_moved", rows(full=100), "the vocabulary has 3,338 words"),
    ("rows_moved", [1, 6, 3338], "should be a dict, but is of type list"),
    ("loss_at_the_start", 4.16, "with 5 negative samples"),
    ("loss_at_the_start", 10.4, "the neighbor is in the loss too"),
    ("loss_at_the_start", 0.69, "what one of them costs"),
    ("loss_at_the_start", 16, "this is in bits"),
    ("loss_at_the_start", 2.67, "says 1/2 of each of the 16"),
    ("stays", lambda c, t: (t * c.sum() / c).sqrt(), "at most 1"),
    ("stays", lambda c, t: 1 - stays(c, t), "to be dropped"),
    ("stays", lambda c, t: (t * c.sum() / c).clamp(max=1), "square root is missing"),
    ("stays", lambda c, t: (t / c).sqrt().clamp(max=1), "counts by their sum"),
    (
        "stays",
        lambda c, t: (c / c.sum() / t).sqrt().clamp(max=1),
        "it is upside down",
    ),
    ("stays", lambda c, t: stays(c, t) / 2, "differ .* by up to"),
    ("stays", lambda c, t: stays(c, t)[:2], "the shape should be"),
    ("cosine", lambda v, t: t @ v, "these are dot products"),
    ("cosine", lambda v, t: t @ v / v.norm(), "divided by one length"),
    ("cosine", lambda v, t: cosine(v, t) / v.norm() / t.norm(dim=1), "squared lengths"),
    ("cosine", lambda v, t: t @ v / v.norm() / t.norm(), "a length of its own"),
    ("cosine", lambda v, t: 1 - cosine(v, t), "this is a distance"),
    ("cosine", lambda v, t: cosine(v, t) + 1, "differ .* by up to 1.000"),
    ("cosine", lambda v, t: cosine(v, t)[:, None], "shape should be"),
]


test_right, test_wrong, test_not_done, test_complete = exercise_tests(2, RIGHT, WRONG)
