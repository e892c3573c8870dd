"""Exercise checkers: each takes an answer and says the first thing that is wrong.

==============  ==========================================================
file            idea
==============  ==========================================================
verdict.py      how a checker works
chapter_01.py   pairs, merges, one-hot vectors, padding, cosines
chapter_03.py   shares, masks, attention, heads
chapter_04.py   norms, the residual step, feed-forward, the block
chapter_05.py   surprise, bits, a floor, a schedule, clipping, Adam
chapter_06.py   a rate, patience, a split, small batches, Muon's step, masks
chapter_07.py   filters, the greedy loop, the cache and its window
chapter_08.py   pooling, dropped words, adapters, rates, and measures
progress.py     how far the reader has come
==============  ==========================================================
"""

from lib.check.chapter_01 import cosine, encode, merge, one_hot, pad, pairs
from lib.check.chapter_03 import attention, grouped, heads, mask, row, softmax
from lib.check.chapter_04 import (
    block,
    feed_forward_size,
    layer_norm,
    normed_row,
    pre_norm,
    rms_norm,
)
from lib.check.chapter_05 import adam, bits, clip, floor, schedule, surprise
from lib.check.chapter_06 import (
    hide,
    muon_step,
    noise_guess,
    small_batches,
    split,
    start_rate,
    stop,
)
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
    "block",
    "cache_size",
    "calibration_error",
    "clip",
    "cosine",
    "encode",
    "f1",
    "feed_forward_size",
    "floor",
    "greedy",
    "grouped",
    "heads",
    "hide",
    "integrated",
    "kept",
    "layer_norm",
    "layer_rates",
    "lora",
    "lora_size",
    "mask",
    "mean_pool",
    "merge",
    "muon_step",
    "noise_guess",
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
    "small_batches",
    "softmax",
    "split",
    "start_rate",
    "stop",
    "surprise",
    "top_p",
    "word_dropout",
]
