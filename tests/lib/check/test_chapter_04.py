"""The checkers of chapter 4, the block: right passes, wrong is told why."""

from tests.helpers.checkers import exercise_tests


def norm(x, eps=0.0, center=True, count=None, power=0.5, axis=-1, late=0.0):
    """Layer norm, RMS norm, and the ways to get them wrong."""
    x = x - x.mean(axis, keepdim=True) if center else x
    count = x.size(axis) if count is None else count
    spread = x.square().sum(axis, keepdim=True) / count + eps
    return x / (spread**power + late)


def early(stream, norm, unembed):
    return unembed(norm(stream)).softmax(-1)


def norms_after(x, mask, attention, feed_forward, norm_1, norm_2):
    x = norm_1(x + attention(x, mask))
    return norm_2(x + feed_forward(x))


def norms_before(x, mask, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x), mask)
    return x + feed_forward(norm_2(x))


def norms_within(x, mask, attention, feed_forward, norm_1, norm_2):
    x = x + norm_1(attention(x, mask))
    return x + norm_2(feed_forward(x))


def one_norm_missing(x, mask, attention, feed_forward, norm_1, norm_2):
    x = x + attention(x, mask)
    return norm_2(x + feed_forward(x))


def no_second_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    return norm_2(feed_forward(norm_1(x + attention(x, mask))))


def no_first_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    x = norm_1(attention(x, mask))
    return norm_2(x + feed_forward(x))


def size(v, w, n, h, embeddings=1, squares=4, gates=3, norms=2, last=1):
    """The parameters of the chapter's GPT, and the ways to miscount them."""
    block = squares * w * w + gates * w * h + norms * w
    return embeddings * v * w + n * block + last * w


RIGHT = {
    "normed_row": [0.33, -1.67, 0.33, 1.0],
    "layer_norm": norm,
    "half_residual": 0.00019,
    "read_out": early,
    "post_norm_block": norms_after,
    "gpt_size": size,
}
WRONG = [
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
    ("half_residual", 1.7e-17, "where parts replace"),
    ("half_residual", 79, "where all of x is kept"),
    ("half_residual", 0.5**24, "leaves out the part"),
    ("half_residual", 0.1**24, "add up in a step"),
    ("half_residual", 0.7, "slope of one step"),
    ("half_residual", 16.8, "slopes of steps in a row multiply"),
    ("half_residual", -0.7, "a slope above 0"),
    ("half_residual", 0.01, "to the power of 24"),
    ("read_out", lambda x, norm, head: head(norm(x)), "these are logits"),
    ("read_out", lambda x, norm, head: head(x).softmax(-1), "norm is not used"),
    ("read_out", lambda x, norm, head: norm(head(x)).softmax(-1), "before the matrix"),
    ("read_out", lambda x, norm, head: head(norm(x)).softmax(1), "the last axis"),
    ("read_out", lambda x, norm, head: early(x, norm, head).log(), "the logarithms"),
    ("read_out", lambda x, norm, head: -early(x, norm, head), "differ from the true"),
    ("post_norm_block", norms_before, "this is pre-norm"),
    (
        "post_norm_block",
        lambda x, mask, *parts: norms_after(x, None, *parts),
        "mask does not reach",
    ),
    ("post_norm_block", norms_within, "around the part alone"),
    ("post_norm_block", one_norm_missing, "norm_1 is missing"),
    (
        "post_norm_block",
        lambda x, mask, a, f, one, two: norms_after(x, mask, a, f, one, one),
        "norm_1 is used twice",
    ),
    ("post_norm_block", no_second_addition, "feed-forward replaces the stream"),
    ("post_norm_block", no_first_addition, "attention replaces the stream"),
    (
        "post_norm_block",
        lambda x, mask, *parts: -norms_after(x, mask, *parts),
        "differ from the true",
    ),
    ("gpt_size", lambda *sizes: size(*sizes, embeddings=2), "counts once"),
    ("gpt_size", lambda *sizes: size(*sizes, embeddings=0), "for every token"),
    ("gpt_size", lambda *sizes: size(*sizes, gates=2), "the gate's is missing"),
    ("gpt_size", lambda *sizes: size(*sizes, squares=3), "attention has four"),
    ("gpt_size", lambda *sizes: size(*sizes, last=0), "after the last block"),
    ("gpt_size", lambda *sizes: size(*sizes, norms=0, last=0), "norms are missing"),
    ("gpt_size", lambda *sizes: size(*sizes, norms=1), "a block has two norms"),
    ("gpt_size", lambda *sizes: 7, "give 4970, not 7"),
]


test_right, test_wrong, test_not_done, test_complete = exercise_tests(4, RIGHT, WRONG)
