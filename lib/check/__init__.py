"""Exercise checkers: each takes an answer and says the first thing that is wrong.

=============  =====================================================
file           idea
=============  =====================================================
verdict.py     how a checker works
chapter_01.py  pairs, ids and back, capitals, padding, windows
chapter_02.py  one-hot vectors, losses, thinning, cosines
chapter_03.py  shares, attention, heads, and a head without order
chapter_04.py  norms, residuals, the lens, the block, its size
chapter_05.py  surprise, floors, a gradient, clipping, Adam
chapter_06.py  a rate, patience, a split, small batches, Muon, noise
chapter_07.py  filters, the greedy loop, the cache and its window
chapter_08.py  dropped and hidden words, adapters, and measures
progress.py    how far the reader has come
=============  =====================================================
"""

from lib.check.chapter_01 import (
    capitals,
    decode,
    encode,
    pad,
    pairs,
    window,
)
from lib.check.chapter_02 import (
    cosine,
    loss_at_the_start,
    one_hot,
    pair_loss,
    rows_moved,
    stays,
)
from lib.check.chapter_03 import (
    attention,
    blind,
    join,
    row,
    softmax,
)
from lib.check.chapter_04 import (
    gpt_size,
    half_residual,
    layer_norm,
    normed_row,
    post_norm_block,
    read_out,
)
from lib.check.chapter_05 import (
    adam,
    clip,
    floor,
    gradient,
    surprise,
    two_letters,
)
from lib.check.chapter_06 import (
    muon_step,
    noise_guess,
    small_batches,
    split,
    start_rate,
    stop,
)
from lib.check.chapter_07 import (
    cache_size,
    greedy,
    kept,
    penalty,
    reach,
    ring,
)
from lib.check.chapter_08 import (
    calibration_error,
    hide,
    integrated,
    lora_size,
    shuffled,
    word_dropout,
)
from lib.check.progress import progress

__all__ = [
    "adam",
    "attention",
    "blind",
    "cache_size",
    "calibration_error",
    "capitals",
    "clip",
    "cosine",
    "decode",
    "encode",
    "floor",
    "gpt_size",
    "gradient",
    "greedy",
    "half_residual",
    "hide",
    "integrated",
    "join",
    "kept",
    "layer_norm",
    "lora_size",
    "loss_at_the_start",
    "muon_step",
    "noise_guess",
    "normed_row",
    "one_hot",
    "pad",
    "pair_loss",
    "pairs",
    "penalty",
    "post_norm_block",
    "progress",
    "reach",
    "read_out",
    "ring",
    "row",
    "rows_moved",
    "shuffled",
    "small_batches",
    "softmax",
    "split",
    "start_rate",
    "stays",
    "stop",
    "surprise",
    "two_letters",
    "window",
    "word_dropout",
]
