"""Training: draw a batch, measure the loss, step downhill, and again.

What a chapter calls stands here; each idea has a file of its own, which imports only
files above it:

==================  ======================================================
file                idea
==================  ======================================================
batches.py          a text cut into windows, some tokens masked
distributed.py      many processes that take one step together
objectives.py       what is minimized, and how a held-out loss is measured
muon.py             an optimizer for the matrices inside a model
optimizers.py       which weights move how: AdamW, Muon
row_adagrad.py      a rate for each row of a table: for word vectors
sampled_softmax.py  the true word against a few others, not against all
schedules.py        how the learning rate rises and falls
precision.py        products in 16 bits, where that is quicker
run.py              a run: what learns, how, and what was measured on the way
console.py          a progress bar, and Ctrl-C
loop.py             the loop itself
callbacks.py        what hangs on the loop: measuring, stopping, looking
recipes.py          settings that go together: the book's run of under a minute
tensorboard.py      its curves, in a browser
checkpoints/        a run that is killed goes on where it was
__main__.py         training from the command line
==================  ======================================================
"""

from lib.data.batch import Batch
from lib.train.batches import consecutive_windows, mask_tokens, windows
from lib.train.callbacks import EarlyStopping, Evaluate, Every
from lib.train.checkpoints.checkpoint import Checkpoint, list_checkpoints, load_weights
from lib.train.checkpoints.trained import TrainedGPT, load_gpt
from lib.train.loop import take_step, train
from lib.train.objectives import (
    bits_per_character,
    count_targets,
    evaluate,
    next_token_loss,
    perplexity,
    token_loss,
)
from lib.train.optimizers import adamw, muon
from lib.train.recipes import short_run
from lib.train.run import Callback, Diverged, History, Run
from lib.train.schedules import (
    cosine,
    exponential_rise,
    linear_decay,
    slanted_triangle,
    warm_up_stable_decay,
)
from lib.train.tensorboard import TensorBoard

__all__ = [
    "Batch",
    "Callback",
    "Checkpoint",
    "Diverged",
    "EarlyStopping",
    "Evaluate",
    "Every",
    "History",
    "Run",
    "TensorBoard",
    "TrainedGPT",
    "adamw",
    "bits_per_character",
    "consecutive_windows",
    "cosine",
    "count_targets",
    "evaluate",
    "exponential_rise",
    "linear_decay",
    "list_checkpoints",
    "load_gpt",
    "load_weights",
    "mask_tokens",
    "muon",
    "next_token_loss",
    "perplexity",
    "short_run",
    "slanted_triangle",
    "take_step",
    "token_loss",
    "train",
    "warm_up_stable_decay",
    "windows",
]
