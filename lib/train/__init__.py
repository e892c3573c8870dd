"""Training: draw a batch, measure the loss, step downhill, again.

What a chapter calls stands here; each idea has a file of its own:

==============  ==========================================================
file            idea
==============  ==========================================================
batches.py      a text cut into windows, some tokens masked
objectives.py   what is minimized, and how a held-out loss is measured
optimizers.py   which weights move how: AdamW, Muon
schedules.py    how the learning rate rises and falls
loop.py         the loop itself, and the run that it carries through
callbacks.py    what hangs on the loop: measuring, stopping, looking
==============  ==========================================================
"""

from lib.train.batches import Batch, consecutive_windows, mask_tokens, windows
from lib.train.callbacks import Callback, EarlyStopping, Evaluate, Every
from lib.train.loop import Diverged, History, Run, take_step, train
from lib.train.objectives import (
    bits_per_character,
    evaluate,
    next_token_loss,
    perplexity,
    token_loss,
)
from lib.train.optimizers import adamw, muon
from lib.train.schedules import (
    cosine,
    exponential_rise,
    linear_decay,
    warm_up_stable_decay,
)

__all__ = [
    "Batch",
    "Callback",
    "Diverged",
    "EarlyStopping",
    "Evaluate",
    "Every",
    "History",
    "Run",
    "adamw",
    "bits_per_character",
    "consecutive_windows",
    "cosine",
    "evaluate",
    "exponential_rise",
    "linear_decay",
    "mask_tokens",
    "muon",
    "next_token_loss",
    "perplexity",
    "take_step",
    "token_loss",
    "train",
    "warm_up_stable_decay",
    "windows",
]
