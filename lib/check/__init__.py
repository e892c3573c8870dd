"""Exercise checkers: each takes an answer and says the first thing that is wrong.

==============  ==========================================================
file            idea
==============  ==========================================================
verdict.py      how a checker works
chapter_01.py   pairs, merges, one-hot vectors, padding, cosines
chapter_03.py   shares, masks, attention, heads
chapter_04.py   norms, residuals, the lens, the block, its size
chapter_05.py   surprise, bits, a floor, a schedule, clipping, Adam
chapter_07.py   filters, the greedy loop, the cache and its window
chapter_08.py   pooling, dropped words, adapters, rates, and measures
progress.py     how far the reader has come
==============  ==========================================================
"""

from lib.check.chapter_01 import cosine, encode, merge, one_hot, pad, pairs
from lib.check.chapter_03 import attention, grouped, heads, mask, row, softmax
from lib.check.chapter_04 import (
    gpt_size,
    half_residual,
    layer_norm,
    normed_row,
    post_norm_block,
    read_out,
)
from lib.check.chapter_05 import adam, bits, clip, floor, schedule, surprise
from lib.check.chapter_07 import cache_size, greedy, kept, penalty, ring, top_p
from lib.check.chapter_08 import (
    calibration_error,
    f1,
    integrated,
    layer_rates,
    lora,
    lora_size,
    mean_pool,
    word_dropout,
)
from lib.check.progress import progress

__all__ = [
    "adam",
    "attention",
    "bits",
    "cache_size",
    "calibration_error",
    "clip",
    "cosine",
    "encode",
    "f1",
    "floor",
    "gpt_size",
    "greedy",
    "grouped",
    "half_residual",
    "heads",
    "integrated",
    "kept",
    "layer_norm",
    "layer_rates",
    "lora",
    "lora_size",
    "mask",
    "mean_pool",
    "merge",
    "normed_row",
    "one_hot",
    "pad",
    "pairs",
    "penalty",
    "post_norm_block",
    "progress",
    "read_out",
    "ring",
    "row",
    "schedule",
    "softmax",
    "surprise",
    "top_p",
    "word_dropout",
]
