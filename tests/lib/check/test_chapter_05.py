"""The checkers of chapter 5, learning to predict: right passes, wrong is told why."""

import math

import torch
import torch.nn.functional as F

from tests.helpers.checkers import exercise_tests


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


def gradient(logits, targets, share=1.0, sign=1, axis=-1):
    right = F.one_hot(targets, logits.size(1)).float()
    shares = logits.softmax(dim=axis) if axis is not None else logits
    return sign * (shares - share * right) / len(logits)


def floor(often, source):
    return -(often[:, None] * source * source.log()).sum()


RIGHT = {
    "surprise": (1.39, 4.0),
    "floor": floor,
    "gradient": gradient,
    "two_letters": 1.34,
    "clip": clip,
    "adam": adam,
}
WRONG = [
    ("surprise", (2.0, 4.0), "this loss is in bits"),
    ("surprise", (4.16, 64.0), "sum of three surprises"),
    ("surprise", (1.23, 3.43), "not the logarithm of the mean"),
    ("surprise", (-1.39, 4.0), "the sign is wrong"),
    ("surprise", (1.0, 2.72), "the loss is not right"),
    ("surprise", (1.39, 3.43), "not one over the mean"),
    ("surprise", (1.39, 2.61), "raise e to it, not 2"),
    ("surprise", (1.39, 8.0), "the perplexity is not right"),
    ("surprise", 1.39, "stops with TypeError"),
    ("floor", lambda o, s: -(s * s.log()).sum(1).mean(), "rows count equally"),
    ("floor", lambda o, s: -(s * s.log()).sum(), "added up"),
    ("floor", lambda o, s: -(o * o.log()).sum(), "entropy of `often`"),
    ("floor", lambda o, s: floor(o, s) / math.log(2), "this is in bits"),
    ("floor", lambda o, s: -floor(o, s), "the sign is wrong"),
    ("floor", lambda o, s: -(o @ s.log()).mean(), "by its own probability"),
    ("floor", lambda o, s: 2 * floor(o, s), "the entropy rate of our source is"),
    ("gradient", lambda z, t: z.softmax(-1), "subtract 1 at the place"),
    ("gradient", lambda z, t: gradient(z, t) * len(z), "mean of the rows"),
    ("gradient", lambda z, t: gradient(z, t, sign=-1), "the sign is wrong"),
    ("gradient", lambda z, t: gradient(z, t, axis=None), "probabilities first"),
    ("gradient", lambda z, t: gradient(z, t, axis=0), "along the last axis"),
    ("gradient", lambda z, t: gradient(z, t, share=0.5), "differ from the true"),
    ("gradient", lambda z, t: gradient(z, t).sum(0), "the shape should be"),
    ("two_letters", 1.06, "only the second sees two letters"),
    ("two_letters", 1.61, "the second place sees two"),
    ("two_letters", 2.67, "the loss is their mean"),
    ("two_letters", 1.1, "of 16 places only the first"),
    ("two_letters", 0.7, "nobody gets below"),
    ("two_letters", 1.79, "a bigram already pays less"),
    ("two_letters", 1.45, "by how often each is"),
    ("two_letters", "no number", "stops with ValueError"),
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


test_right, test_wrong, test_not_done, test_complete = exercise_tests(5, RIGHT, WRONG)
