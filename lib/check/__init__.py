"""Exercise checkers: each takes an answer and says the first thing that is wrong."""

from lib.check.chapter_01 import cosine, encode, merge, one_hot, pad, pairs
from lib.check.chapter_02 import attention, grouped, heads, mask, row, softmax
from lib.check.chapter_03 import (
    block,
    feed_forward_size,
    layer_norm,
    normed_row,
    pre_norm,
    rms_norm,
)
from lib.check.chapter_04 import adam, bits, clip, floor, schedule, surprise

__all__ = [
    "adam",
    "attention",
    "bits",
    "block",
    "clip",
    "cosine",
    "encode",
    "feed_forward_size",
    "floor",
    "grouped",
    "heads",
    "layer_norm",
    "mask",
    "merge",
    "normed_row",
    "one_hot",
    "pad",
    "pairs",
    "pre_norm",
    "rms_norm",
    "row",
    "schedule",
    "softmax",
    "surprise",
]
