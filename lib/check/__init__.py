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
from lib.check.chapter_05 import cache_size, greedy, kept, penalty, ring, top_p
from lib.check.progress import progress

__all__ = [
    "adam",
    "attention",
    "bits",
    "block",
    "cache_size",
    "clip",
    "cosine",
    "encode",
    "feed_forward_size",
    "floor",
    "greedy",
    "grouped",
    "heads",
    "kept",
    "layer_norm",
    "mask",
    "merge",
    "normed_row",
    "one_hot",
    "pad",
    "pairs",
    "penalty",
    "pre_norm",
    "progress",
    "ring",
    "rms_norm",
    "row",
    "schedule",
    "softmax",
    "surprise",
    "top_p",
]
