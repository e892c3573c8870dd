"""The checkers of chapter 7, generation: right passes, wrong is told why."""

import torch

from tests.helpers.checkers import exercise_tests


def punish(scores, text, penalty, up=None, down=None):
    scores = scores.clone()
    for token in set(map(int, text)):
        positive = scores[token] > 0
        scores[token] *= (up or 1 / penalty) if positive else (down or penalty)
    return scores


def continue_greedily(model, ids, many, place=-1, see=99):
    for _ in range(many):
        ids = torch.cat([ids, model(ids[None, :see])[0, place].argmax()[None]])
    return ids


def all_at_once(model, ids, many):
    return torch.cat([ids, model(ids[None])[0, -1].argsort()[-many:]])


def slots(seen, context):
    return [max(range(slot, seen, context)) for slot in range(min(seen, context))]


KEPT = {"top_k 3": 3, "top_p 0.7": 2, "top_p 0.8": 3, "min_p 0.2": 3}
RIGHT = {
    "kept": KEPT,
    "reach": 252,
    "penalty": punish,
    "greedy": continue_greedily,
    "cache_size": lambda layers, heads, dim, context, size: (
        2 * layers * heads * dim * context * size
    ),
    "ring": slots,
}
WRONG = [
    ("kept", {**KEPT, "top_p 0.7": 1}, "take one more"),
    ("kept", {**KEPT, "top_p 0.8": 2}, "not 80 % yet"),
    ("kept", {**KEPT, "min_p 0.2": 2}, "of the largest share"),
    ("kept", {**KEPT, "top_k 3": 2}, "top_k 3 does not leave 2"),
    ("kept", {"top_k 3": 3}, "top_p 0.7 does not leave None"),
    ("reach", 63, "one layer's reach"),
    ("reach", 256, "holds the token itself"),
    ("reach", 64**4, "do not multiply"),
    ("reach", 40, "one layer alone reaches further"),
    ("reach", 126, "as far again as the first"),
    ("reach", "far", "stops with ValueError"),
    ("penalty", lambda s, t, p: punish(s, t, p, down=1 / p), "multiply those"),
    ("penalty", lambda s, t, p: punish(s, t, p, up=p), "divide those"),
    ("penalty", lambda s, t, p: punish(s, range(8), p), "only those in the text"),
    ("penalty", lambda s, t, p: punish(punish(s, t, p), [3], p), "penalized once"),
    ("penalty", lambda s, t, p: s.copy_(punish(s, t, p)), "work on a copy"),
    ("penalty", lambda s, t, p: punish(s, t[:-1], p), "the score of token 1"),
    ("greedy", lambda m, i, n: continue_greedily(m, i, n)[None], "take row 0"),
    ("greedy", lambda m, i, n: continue_greedily(m, i, n)[3:], "prompt is missing"),
    ("greedy", lambda m, i, n: continue_greedily(m, i, n - 1), "the shape should be"),
    ("greedy", all_at_once, "ask again after each one"),
    ("greedy", lambda m, i, n: continue_greedily(m, i, n, place=0), "last position"),
    ("greedy", lambda m, i, n: continue_greedily(m, i, n, see=3), "did the model see"),
    ("greedy", lambda m, i, n: continue_greedily(m, i + 1, n), "begin with the prompt"),
    ("greedy", lambda m, i, n: m(i), r"wants \(batch, time\)"),
    ("cache_size", lambda n, h, d, c, s: n * h * d * c * s, "two of everything"),
    ("cache_size", lambda n, h, d, c, s: 2 * h * d * c * s, "every layer"),
    ("cache_size", lambda n, h, d, c, s: 2 * n * h * d * c, "each of them takes"),
    ("cache_size", lambda n, h, d, c, s: 2 * n * d * c * s, "every head with keys"),
    ("cache_size", lambda n, h, d, c, s: 0, "give 9240, not 0"),
    ("ring", lambda seen, context: list(range(seen)), "have taken the slots"),
    (
        "ring",
        lambda seen, context: list(range(context))[:seen],
        "first tokens are gone",
    ),
    ("ring", lambda seen, context: slots(max(seen, 4), context), "only 3 are in use"),
    ("ring", lambda seen, context: sorted(slots(seen, context)), "not in those slots"),
    ("ring", lambda seen, context: [0] * min(seen, context), "do not hold"),
]


test_right, test_wrong, test_not_done, test_complete = exercise_tests(7, RIGHT, WRONG)
