"""The checkers: right answers pass, common wrong ones are told what is wrong."""

import math
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
import torch
from markdown_it import MarkdownIt

from lib import check
from lib.check.verdict import EXERCISES
from lib.model.attention import scaled_dot_product
from lib.model.masks import causal_mask
from lib.tokens import bpe
from tools.address import notebooks

ROOT = Path(__file__).parents[3]


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


def repeat(q, k, v, how):
    return scaled_dot_product(q, how(k), how(v))[0]


def nucleus(shares, p, scale=True):
    largest, order = shares.sort(descending=True)
    largest[(largest.cumsum(0) - largest >= p - 1e-6) & (largest < 0.5)] = 0
    left = torch.zeros_like(shares).scatter(0, order, largest)
    return left / left.sum() if scale else left


def drop_the_last(shares, p):
    """The mistake of leaving out the token that reaches p."""
    largest, order = shares.sort(descending=True)
    largest[largest.cumsum(0) > p + 1e-6] = 0
    left = torch.zeros_like(shares).scatter(0, order, largest)
    return left / left.sum() if p < 0.5 else nucleus(shares, p)


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


def merge_first_only(ids, pair, new):
    at = next(i for i in range(len(ids) - 1) if tuple(ids[i : i + 2]) == pair)
    return ids[:at] + [new] + ids[at + 2 :]


def merge_in_place(ids, pair, new):
    ids[:] = bpe.merge_pair(ids, pair, new)
    return ids


def merge_keeping_the_second(ids, pair, new):
    found = [tuple(ids[i : i + 2]) == pair for i in range(len(ids))]
    return [new if here else token for token, here in zip(ids, found, strict=True)]


def merge_from_the_right(ids, pair, new):
    return bpe.merge_pair(ids[::-1], pair[::-1], new)[::-1]


def encode_in_order(word, merges, first=256, data=None):
    ids = list(word.encode()) if data is None else data
    for new, pair in enumerate(merges, start=first):
        ids = bpe.merge_pair(ids, pair, new)
    return ids


def encode_backwards(word, merges):
    ids = list(word.encode())
    for new in reversed(range(len(merges))):
        ids = bpe.merge_pair(ids, merges[new], 256 + new)
    return ids


def encode_from_the_left(word, merges):
    """Merge whatever stands first in the word, not what was learned first."""
    ids, ranks = list(word.encode()), {p: 256 + n for n, p in enumerate(merges)}
    while known := [p for p in pairwise(ids) if p in ranks]:
        ids = bpe.merge_pair(ids, known[0], ranks[known[0]])
    return ids


def encode_zero_based(word, merges):
    return [i - 256 if i > 255 else i for i in encode_in_order(word, merges)]


def fill(sequences, filler, left=False):
    longest = max(map(len, sequences))
    rows = [[filler] * (longest - len(s)) for s in sequences]
    both = zip(sequences, rows, strict=True)
    return torch.tensor([r + s if left else s + r for s, r in both])


def fill_in_place(sequences, filler):
    for s in sequences:
        s += [filler] * (4 - len(s))
    return torch.tensor(sequences)


def cosine(v, table):
    return table @ v / (v.norm() * table.norm(dim=1))


def norm(x, eps=0.0, center=True, count=None, power=0.5, axis=-1, late=0.0):
    """Layer norm, RMS norm, and the ways to get them wrong."""
    x = x - x.mean(axis, keepdim=True) if center else x
    count = x.size(axis) if count is None else count
    spread = x.square().sum(axis, keepdim=True) / count + eps
    return x / (spread**power + late)


def biases_miscounted(width, hidden, bias):
    return 2 * width * hidden + bias * 2 * width


def parts_in_order(x, mask, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x), mask)
    return x + feed_forward(norm_2(x))


def parts_side_by_side(x, mask, attention, feed_forward, norm_1, norm_2):
    return x + attention(norm_1(x), mask) + feed_forward(norm_2(x))


def no_second_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    return feed_forward(norm_2(x + attention(norm_1(x), mask)))


def no_first_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    x = attention(norm_1(x), mask)
    return x + feed_forward(norm_2(x))


def norms_after(x, mask, attention, feed_forward, norm_1, norm_2):
    x = norm_1(x + attention(x, mask))
    return norm_2(x + feed_forward(x))


def adam(w, g, mean, square, step, keep=(0.9, 0.999), sign=-1, power=0.5, fix=True):
    mean = keep[0] * mean + (1 - keep[0]) * g
    square = keep[1] * square + (1 - keep[1]) * g**2
    m, s = mean, square
    if fix:
        m, s = m / (1 - keep[0] ** step), s / (1 - keep[1] ** step)
    return w + sign * 0.1 * m / s**power, mean, square


def adam_giving_the_corrected_mean(w, g, mean, square, step):
    w, mean, square = adam(w, g, mean, square, step)
    return w, mean / (1 - 0.9**step), square


def adam_without_the_square(w, g, mean, square, step):
    return *adam(w, g, mean, square, step)[:2], 0.999 * square + 0.001 * g


def clip(gradients, longest, each=False, always=False):
    whole = torch.stack([g.norm() for g in gradients]).norm()
    norms = [g.norm() if each else whole for g in gradients]
    factors = [longest / n if always or n > longest else 1.0 for n in norms]
    return [g * factor for g, factor in zip(gradients, factors, strict=True)]


def clip_in_place(gradients, longest):
    for gradient, clipped in zip(gradients, clip(gradients, longest), strict=True):
        gradient.copy_(clipped)
    return gradients


def schedule(step, steps, warm_up):
    if step < warm_up:
        return (step + 1) / warm_up
    return (steps - step) / (steps - warm_up)


def floor(often, source):
    return -(often[:, None] * source * source.log()).sum()


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


KEPT = {"top_k 3": 3, "top_p 0.7": 2, "top_p 0.8": 3, "min_p 0.2": 3}
RIGHT = {
    "pairs": {"an": 6, "na": 5, "ba": 3, "nd": 1, "da": 1},
    "merge": bpe.merge_pair,
    "encode": encode_in_order,
    "one_hot": lambda ids, vocab: torch.nn.functional.one_hot(ids, vocab).float(),
    "pad": fill,
    "cosine": cosine,
    "row": [0.14, 0.23, 0.14, 0.14, 0.23, 0.14],
    "softmax": lambda scores, temperature: (scores / temperature).softmax(-1),
    "mask": lambda time: torch.ones(time, time).tril().bool(),
    "attention": attend,
    "heads": lambda x, heads: x.unflatten(-1, (heads, -1)).transpose(1, 2),
    "grouped": lambda q, k, v: repeat(q, k, v, lambda x: x.repeat_interleave(2, 1)),
    "normed_row": [0.33, -1.67, 0.33, 1.0],
    "kept": KEPT,
    "top_p": nucleus,
    "penalty": punish,
    "greedy": continue_greedily,
    "cache_size": lambda layers, heads, dim, context, size: (
        2 * layers * heads * dim * context * size
    ),
    "ring": slots,
    "layer_norm": norm,
    "rms_norm": lambda x, scale, eps: norm(x, eps, center=False) * scale,
    "pre_norm": lambda x, part, norm: x + part(norm(x)),
    "feed_forward_size": lambda w, h, bias: 2 * w * h + bias * (w + h),
    "block": parts_in_order,
    "surprise": (1.39, 4.0),
    "bits": lambda loss, tokens, letters: loss * tokens / letters / math.log(2),
    "floor": floor,
    "schedule": schedule,
    "clip": clip,
    "adam": adam,
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
    ("kept", {**KEPT, "top_p 0.7": 1}, "take one more"),
    ("kept", {**KEPT, "top_p 0.8": 2}, "not 80 % yet"),
    ("kept", {**KEPT, "min_p 0.2": 2}, "of the largest share"),
    ("kept", {**KEPT, "top_k 3": 2}, "top_k 3 does not leave 2"),
    ("kept", {"top_k 3": 3}, "top_p 0.7 does not leave None"),
    ("top_p", lambda shares, p: nucleus(shares, p, scale=False), "divide by its sum"),
    ("top_p", lambda shares, p: nucleus(shares, p - 0.2), "the one that reaches p"),
    ("top_p", lambda shares, p: drop_the_last(shares, p), "likeliest token always"),
    ("top_p", lambda shares, p: nucleus(shares, p).sort()[0], "undo the sorting"),
    ("top_p", lambda shares, p: shares, "2 tokens stay, not 5"),
    ("top_p", lambda shares, p: shares[:3], "the shape should be"),
    ("top_p", lambda shares, p: nucleus(nucleus(shares, p) ** 2, 1), "are not right"),
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
    ("pairs", {"ba": 2, "an": 4, "na": 3, "nd": 1, "da": 1}, "stands there twice"),
    ("pairs", {"ba": 3, "an": 3, "na": 3, "nd": 1, "da": 1}, "in a word twice"),
    ("pairs", {**RIGHT["pairs"], "ab": 2}, "inside one word: ab"),
    ("pairs", {"ba": 3, "an": 6, "na": 5}, "missing: da, nd"),
    ("pairs", {**RIGHT["pairs"], "na": 4}, "'na' does not occur 4 times"),
    ("pairs", [3, 6, 5, 1, 1], "should be a dict, but is of type list"),
    ("merge", merge_first_only, "only the first place"),
    ("merge", merge_in_place, "the list that came in is changed"),
    ("merge", lambda ids, p, n: bpe.merge_pair(ids, p, n)[:-1], "the last id is lost"),
    ("merge", merge_keeping_the_second, "stands for both"),
    ("merge", lambda ids, p, n: [n if i == 1 else i for i in ids], "stands alone"),
    ("merge", lambda ids, p, n: ids[::-1], "should be .*, but is"),
    ("merge", merge_from_the_right, r"should be \[9, 1\], but is \[1, 9\]"),
    ("merge", lambda ids, p, n: tuple(ids), "should be a list, but is of type tuple"),
    ("encode", lambda word, merges: list(word.encode()), "nothing is merged"),
    ("encode", encode_zero_based, "first merge makes id 256, since"),
    ("encode", lambda w, m: encode_in_order(w, m, first=257), "yours makes 257"),
    ("encode", encode_backwards, "learned first goes first"),
    ("encode", encode_from_the_left, "learned first goes first"),
    ("encode", lambda w, m: encode_in_order(w, m[:-1]), "last merge is not used"),
    (
        "encode",
        lambda w, m: [i for i in encode_in_order(w, m) if i != 257],
        "should become .*, but becomes",
    ),
    (
        "encode",
        lambda w, m: encode_in_order(w, m, data=[ord(c) for c in w]),
        "two bytes in UTF-8",
    ),
    ("one_hot", lambda ids, v: torch.eye(v)[:, ids], "but has a column"),
    ("one_hot", lambda ids, v: torch.eye(ids.max() + 1)[ids], "`vocab` does"),
    ("one_hot", lambda ids, v: torch.eye(v).long()[ids], "cannot multiply torch.int64"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids - 1], "off by one"),
    ("one_hot", lambda ids, v: torch.ones(v, v)[ids], "a single 1"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids].flip(0), "1 in column 2"),
    ("one_hot", lambda ids, v: torch.eye(v), "shape should be"),
    ("pad", lambda s, p: fill(s, p, left=True), "stands on the left"),
    ("pad", lambda s, p: fill(s, 0), "always 0; use `pad`"),
    ("pad", lambda s, p: torch.tensor([r[:1] for r in s]), "cut to the shortest"),
    ("pad", fill_in_place, "the sequences that came in are changed"),
    ("pad", lambda s, p: fill(s, p).float(), "yours are torch.float32"),
    (
        "pad",
        lambda s, p: torch.where(fill(s, p) == 0, p, fill(s, p)),
        "0 is a real token",
    ),
    ("pad", lambda s, p: fill(s, p).flip(0), "but becomes .7, 8, 9, 6."),
    ("pad", lambda s, p: s, "should be a tensor, but is of type list"),
    ("cosine", lambda v, t: t @ v, "these are dot products"),
    ("cosine", lambda v, t: t @ v / v.norm(), "divided by one length"),
    ("cosine", lambda v, t: cosine(v, t) / v.norm() / t.norm(dim=1), "squared lengths"),
    ("cosine", lambda v, t: t @ v / v.norm() / t.norm(), "a length of its own"),
    ("cosine", lambda v, t: 1 - cosine(v, t), "this is a distance"),
    ("cosine", lambda v, t: cosine(v, t) + 1, "differ .* by up to 1.000"),
    ("cosine", lambda v, t: cosine(v, t)[:, None], "shape should be"),
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
    ("mask", lambda t: torch.ones(t, t).triu().bool(), "sees the future"),
    ("mask", lambda t: torch.ones(t, t).triu(1).bool(), "the other way round"),
    ("mask", lambda t: torch.ones(t, t).tril(-1).bool(), "may look at itself"),
    ("mask", lambda t: torch.ones(t, t).tril(), "booleans, but holds torch.float32"),
    ("mask", lambda t: torch.ones(t, t).bool(), "columns 0 to t and nowhere else"),
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
    ("heads", lambda x, h: x.unflatten(-1, (h, -1)), "head axis should come before"),
    ("heads", lambda x, h: x.reshape(2, 3, 5, 4), "time and width are mixed up"),
    (
        "heads",
        lambda x, h: x.unflatten(-1, (h, -1)).transpose(1, 2).flip(1),
        "first 4 of",
    ),
    ("heads", lambda x, h: x, "shape should be"),
    (
        "grouped",
        lambda q, k, v: repeat(q, k, v, lambda x: x.repeat(1, 2, 1, 1)),
        "take turns",
    ),
    (
        "grouped",
        lambda q, k, v: repeat(q, k, v, lambda x: x[:, :1].expand_as(q)),
        "all heads share",
    ),
    (
        "grouped",
        lambda q, k, v: repeat(q, k, v, lambda x: x.repeat_interleave(2, 1).flip(1)),
        "heads 0 and 1 should look at key head 0",
    ),
    (
        "grouped",
        lambda q, k, v: q @ k.transpose(-2, -1) @ v,
        "stops with RuntimeError",
    ),
    ("normed_row", [1, -5, 1, 3], "now divide by the square root"),
    ("normed_row", [0.11, -0.56, 0.11, 0.33], "divided by the variance"),
    ("normed_row", [0.29, -1.44, 0.29, 0.87], "divide their sum by 4, not by 3"),
    ("normed_row", [1.03, 0, 1.03, 1.37], "this is the RMS norm"),
    ("normed_row", [2, 0, 2, 2.67], "subtract it first"),
    ("normed_row", [0.33, 1.67, 0.33, 1.0], "number 2 of the 4"),
    ("layer_norm", lambda x, eps: norm(x, eps, count=7), "unbiased=False"),
    ("layer_norm", lambda x, eps: norm(x, late=eps), "add it to the variance"),
    ("layer_norm", lambda x, eps: norm(x, eps, power=1), "its square root"),
    (
        "layer_norm",
        lambda x, eps: x / (x.var(-1, keepdim=True, unbiased=False) + eps) ** 0.5,
        "mean is not subtracted",
    ),
    ("layer_norm", lambda x, eps: norm(x), "eps makes no difference"),
    ("layer_norm", lambda x, eps: norm(x, eps, axis=1), "over the last axis"),
    ("layer_norm", lambda x, eps: 2 * norm(x, eps), "differ from the true ones by up"),
    ("rms_norm", lambda x, scale, eps: norm(x, eps) * scale, "this is layer norm"),
    ("rms_norm", lambda x, scale, eps: norm(x, eps, False), "scale makes no"),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, power=1) * scale,
        "divide by its square root",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, count=1) * scale,
        "take their mean",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, 0, False, late=eps) * scale,
        "before the root",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, axis=1) * scale,
        "differ from the true ones by up",
    ),
    ("pre_norm", lambda x, part, norm: norm(x + part(x)), "this is post-norm"),
    ("pre_norm", lambda x, part, norm: x + norm(part(x)), "norm comes after the part"),
    ("pre_norm", lambda x, part, norm: part(norm(x)), "replaces the stream"),
    (
        "pre_norm",
        lambda x, part, norm: norm(x) + part(norm(x)),
        "stream itself is normalized",
    ),
    ("pre_norm", lambda x, part, norm: x + part(x), "norm is not used"),
    ("pre_norm", lambda x, part, norm: x - part(norm(x)), "differ from the true"),
    ("feed_forward_size", lambda w, h, bias: w * h, "there are two matrices"),
    ("feed_forward_size", lambda w, h, bias: 3 * w * h, "this is SwiGLU"),
    ("feed_forward_size", lambda w, h, bias: 2 * w * h, "with bias=True each"),
    ("feed_forward_size", lambda w, h, bias: 2 * w * h + w + h, "no biases to count"),
    ("feed_forward_size", biases_miscounted, "the two biases differ"),
    ("feed_forward_size", lambda w, h, bias: 7, "give 600, not 7"),
    (
        "block",
        lambda x, mask, *parts: parts_in_order(x, None, *parts),
        "mask does not reach",
    ),
    ("block", parts_side_by_side, "feed-forward reads x"),
    (
        "block",
        lambda x, mask, a, f, one, two: parts_in_order(x, mask, a, f, one, one),
        "norm_1 is used twice",
    ),
    ("block", no_second_addition, "feed-forward replaces the stream"),
    ("block", no_first_addition, "attention replaces the stream"),
    ("block", norms_after, "this is post-norm"),
    (
        "block",
        lambda x, mask, *parts: -parts_in_order(x, mask, *parts),
        "differ from the true",
    ),
    ("surprise", (2.0, 4.0), "this loss is in bits"),
    ("surprise", (4.16, 64.0), "sum of three surprises"),
    ("surprise", (1.23, 3.43), "not the logarithm of the mean"),
    ("surprise", (-1.39, 4.0), "the sign is wrong"),
    ("surprise", (1.0, 2.72), "the loss is not right"),
    ("surprise", (1.39, 3.43), "not one over the mean"),
    ("surprise", (1.39, 2.61), "raise e to it, not 2"),
    ("surprise", (1.39, 8.0), "the perplexity is not right"),
    ("surprise", 1.39, "stops with TypeError"),
    ("bits", lambda loss, *_: loss / math.log(2), "these are bits a token"),
    ("bits", lambda loss, t, c: loss * t / c, "these are nats a character"),
    ("bits", lambda loss, t, c: loss * t / c * math.log(2), "a bit is less"),
    ("bits", lambda loss, t, c: loss * c / t / math.log(2), "costs loss . tokens"),
    ("bits", lambda loss, t, c: loss, "give 1.154, not 2.000"),
    ("floor", lambda o, s: -(s * s.log()).sum(1).mean(), "rows count equally"),
    ("floor", lambda o, s: -(s * s.log()).sum(), "added up"),
    ("floor", lambda o, s: -(o * o.log()).sum(), "entropy of `often`"),
    ("floor", lambda o, s: floor(o, s) / math.log(2), "this is in bits"),
    ("floor", lambda o, s: -floor(o, s), "the sign is wrong"),
    ("floor", lambda o, s: -(o @ s.log()).mean(), "by its own probability"),
    ("floor", lambda o, s: 2 * floor(o, s), "the entropy rate of our source is"),
    ("schedule", lambda n, *_: n / 20 if n < 20 else 1.0, "moves nothing"),
    ("schedule", lambda n, *_: 1.0, "should give 0.05, not 1.000"),
    ("schedule", lambda n, *_: (n + 1) / 20, "never be above 1"),
    ("schedule", lambda n, *_: 0.05 if n < 20 else 1.0, "step 10 is in the climb"),
    ("schedule", lambda n, *_: min(1, (n + 1) / 20), "yours stays at 1"),
    (
        "schedule",
        lambda n, s, w: (n + 1) / w if n < w else 1 - n / s,
        "began at step 0",
    ),
    (
        "schedule",
        lambda n, s, w: min((n + 1) / w, (s - 1 - n) / (s - 1 - w)),
        "should still move",
    ),
    ("schedule", lambda n, s, w: schedule(n, s, w) ** 1.2, "should give 0.05"),
    (
        "schedule",
        lambda n, s, w: schedule(n, s, w) if n < w else 0.5,
        "step 20 should give 1.0000",
    ),
    ("clip", clip_in_place, "that came in are changed"),
    ("clip", lambda gs, n: clip(gs, n)[:1], "as many tensors"),
    ("clip", lambda gs, n: clip(gs, n, each=True), "each tensor is clipped by itself"),
    ("clip", lambda gs, n: [g.clamp(-n, n) for g in gs], "keep the direction"),
    ("clip", lambda gs, n: clip(gs, 1.0), "length is now 1"),
    ("clip", lambda gs, n: clip(gs, n * n), "multiply all by one number"),
    ("clip", lambda gs, n: clip(gs, n, always=True), "stay as it is"),
    ("clip", lambda gs, n: gs[0], "should be a list, but is of type Tensor"),
    ("adam", lambda *a: adam(*a)[:2], "return three things"),
    ("adam", lambda *a: adam(*a, keep=(0.1, 0.999)), "yours keeps 0.1"),
    ("adam", adam_giving_the_corrected_mean, "only the step uses the corrected"),
    ("adam", lambda *a: adam(*a, keep=(0.5, 0.999)), "mean should be 0.9 of"),
    ("adam", adam_without_the_square, "the gradient's square"),
    ("adam", lambda *a: adam(*a, keep=(0.9, 0.9)), "square should be 0.999 of"),
    ("adam", lambda *a: adam(*a, sign=1), "goes uphill"),
    ("adam", lambda *a: adam(*a, fix=False), "correct them"),
    ("adam", lambda *a: adam(*a, power=1), "divide by the root"),
    ("adam", lambda *a: adam(*a[:4], 1), "depend on the step"),
    ("adam", lambda *a: adam(*a[:4], 5), "should move by 0.1 mean"),
    ("adam", lambda *a: a[0], "should be a tuple, but is of type Tensor"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    verdict = getattr(check, name)(RIGHT[name])
    assert verdict and repr(verdict) == "Correct."


@pytest.mark.parametrize("name, answer, says", WRONG)
def test_wrong_answers_are_told_what_is_wrong(name, answer, says):
    verdict = getattr(check, name)(answer)
    assert not verdict
    assert verdict.says.startswith("Not yet: ")
    assert re.search(says, verdict.says), verdict.says
    assert verdict._repr_markdown_() == verdict.says
    assert verdict.says[-1] in ".?" and not re.search(r"[.!?]\s", verdict.says)
    assert not re.search("<(em|strong|a|h.|li)", MarkdownIt().render(verdict.says))


@pytest.mark.parametrize("name", RIGHT)
def test_an_exercise_not_yet_done_says_so(name):
    answer = (lambda *_: ...) if callable(RIGHT[name]) else ...
    verdict = getattr(check, name)(answer)
    assert not verdict and verdict.open and verdict.says.startswith("Not done yet")


@pytest.mark.parametrize(
    "name, answer",
    [
        ("pairs", {"an": ..., "ba": 3}),
        ("surprise", (..., 4.0)),
        ("row", [0.1, ...]),
        ("adam", lambda *_: (..., ..., ...)),
        ("mask", lambda time: None),
    ],
)
def test_a_part_left_open_is_not_done_yet(name, answer):
    assert getattr(check, name)(answer).open


def test_every_exercise_has_a_right_and_three_wrong_answers():
    names = set(check.__all__) - {"progress"}
    assert names == set(RIGHT)
    for name in names:
        answers = [answer for exercise, answer, _ in WRONG if exercise == name]
        assert len({getattr(check, name)(answer).says for answer in answers}) >= 3


@pytest.mark.parametrize(
    "error, says",
    [
        (AssertionError(), "it stops with AssertionError."),
        (TypeError("`x` is <class 'int'>:\n  a list"), "(`'x' is <class 'int'>`)."),
        (
            ValueError("\n\n wrong shape. \n"),
            "it stops with ValueError (`wrong shape`).",
        ),
    ],
)
def test_an_error_is_told_in_one_sentence(error, says):
    def stops(_):
        raise error

    assert check.mask(stops).says.endswith(says)


def test_the_mask_of_the_checker_is_the_librarys():
    assert check.mask(lambda time: causal_mask(time)[0, 0])


@pytest.fixture
def nothing_answered(monkeypatch):
    """A kernel in which no checker has been called."""
    for chapter in EXERCISES.values():
        for name in chapter:
            monkeypatch.setitem(chapter, name, None)


def test_progress_shows_what_was_said_last(nothing_answered):
    assert set(check.progress(2).states().values()) == {"open"}
    assert repr(check.progress(2)).startswith(
        "None of the 6 exercises is done yet. Fill one in, run its cell, and then"
    )
    check.softmax(lambda scores, temperature: scores)
    check.heads(lambda *_: ...)
    check.mask(RIGHT["mask"])
    states = ["open", "not right yet", "right", "open", "open", "open"]
    assert list(check.progress(2).states().values()) == states
    check.softmax(RIGHT["softmax"])
    said = repr(check.progress(2))
    assert said.startswith(
        "2 of 6 exercises are right.\n\n1. `row`: open\n2. `softmax`"
    )
    assert check.progress(2)._repr_markdown_() == said
    assert set(check.progress(3).states().values()) == {"open"}
    for name in check.progress(2).states():
        getattr(check, name)(RIGHT[name])
    assert repr(check.progress(2)).startswith("All 6 exercises are right.\n\n1. `row`")


def test_progress_keeps_what_was_said_when_it_was_asked(nothing_answered):
    before = check.progress(2)
    check.mask(RIGHT["mask"])
    assert before.states()["mask"] == "open"


def test_a_chapter_without_exercises_has_no_progress():
    with pytest.raises(ValueError, match="chapter is 99, expected one of 1, 2, 3"):
        check.progress(99)


def test_progress_lists_the_exercises_of_the_chapter_in_its_order():
    for path in notebooks(ROOT):
        cells = nbformat.read(path, as_version=4).cells
        asked = [
            re.search(r"^check\.(\w+)\(", cell.source, re.M)[1]
            for cell in cells
            if "exercise" in cell.metadata.get("tags", [])
        ]
        assert list(check.progress(int(path.name[:2])).states()) == asked, path
