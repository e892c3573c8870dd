"""The book's own GPT: it reads the training reviews, again and again.

    python -m benchmarks.pretrain_review_gpt FOLDER
    python -m torch.distributed.run --standalone --nproc-per-node=2 \\
        -m benchmarks.pretrain_review_gpt FOLDER

Reads the 17,821 training reviews alone, never those to choose by or to test with. It
may be stopped at any time: the same command goes on from the checkpoints in FOLDER, and
one process or two make the same step. At the end, and with `--store` at any time, it
writes the weights `review_gpt` of `lib.hub` and their card. `--device cuda` where there
is a GPU.

Tokens are byte pairs. `<|endoftext|>` ends a review; 32 more have ids and are never
seen here: they wait for roles, tools, languages, pictures and sound.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.pretrain_review_encoder import Clock
from lib import train
from lib.data import reviews
from lib.data.corpora import Review
from lib.hub import pretrained
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.model.modes import unwrap
from lib.tokens.tokenizer import BytePairTokenizer
from lib.train import distributed
from tools.machine import machine

COMMAND = "python -m benchmarks.pretrain_review_gpt FOLDER"
END = "<|endoftext|>"
ROLES = ("system", "user", "assistant", "tool", "end")
LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "sv")
SENSES = ("image", "image_end", "sound", "sound_end")
NAMED = (*ROLES, *LANGUAGES, *SENSES)
SPARE = tuple(f"spare_{n}" for n in range(32 - len(NAMED)))
SPECIAL = (END, *(f"<|{name}|>" for name in (*NAMED, *SPARE)))
CONFIG = GPTConfig(
    vocab=4096,
    context=512,
    width=256,
    layers=6,
    heads=4,
    hidden=768,
    feed_forward="squared_relu",
    qk_norm=True,
    init_std=0.05,
    zero_output=True,
)
STEPS, BATCH, EVERY = 2_000, 16, 100  # 16 windows of 512 a step: 16 million tokens
MEASURED = 64  # held-out windows, along the way


def make_tokenizer(
    texts: Iterable[str], vocab: int = CONFIG.vocab
) -> BytePairTokenizer:
    """Byte pairs of the training reviews, and all special tokens."""
    return BytePairTokenizer.train("\n".join(texts), vocab, SPECIAL)


def as_ids(part: Iterable[Review], tokenizer: BytePairTokenizer) -> Tensor:
    """Review after review in one row, each with `END` after it."""
    end = tokenizer.special[END]
    return torch.tensor(
        [number for each in part for number in (*tokenizer.encode(each.text), end)]
    )


def held_out(
    model: nn.Module, part: list[Review], tokenizer: BytePairTokenizer
) -> dict[str, float]:
    """Loss on whole windows of reviews: nats a token, bits a character.

    A review's characters are counted with one more for its end, as the counts and the
    compressors that it is set beside have to write that too.
    """
    ids = as_ids(part, tokenizer)
    context = unwrap(model).config.context
    batches = train.consecutive_windows(ids, 16, context)
    nats = train.evaluate(model, batches)
    characters = sum(len(each.text) + 1 for each in part)
    return {
        "nats_a_token": round(nats, 4),
        "bits_a_character": round(
            train.bits_per_character(nats, len(ids), characters), 4
        ),
    }


def run(
    model: nn.Module, learned: Tensor, measured: Tensor, folder: Path, asked
) -> tuple[train.History, Clock]:
    """Train with a checkpoint in the folder."""
    context = unwrap(model).config.context
    batches = distributed.share(train.windows(learned, asked.batch, context, seed=0))
    windows = train.windows(measured, asked.batch, context, seed=1)
    windows = islice(distributed.share(windows), max(1, MEASURED // asked.batch))
    clock = Clock()
    history = train.train(
        model,
        train.muon(model, lr=asked.lr, adam_lr=asked.adam_lr, momentum=0.95),
        batches,
        asked.steps,
        callbacks=[
            clock,
            train.Evaluate(EVERY, windows),
            train.Checkpoint(folder, EVERY),
        ],
        schedule=partial(train.warm_up_stable_decay, warm_up=20),
        precision=asked.precision,
    )
    return history, clock


def store(
    model: nn.Module,
    tokenizer: BytePairTokenizer,
    split: reviews.Split,
    about: dict,
    folder: Path = pretrained.FOLDER,
) -> None:
    """Write weights and card; the losses on it are those of what was written."""
    gpt = unwrap(model)
    about = about | {
        "command": COMMAND,
        "data": f"{len(split.training)} training reviews of lib.data.reviews.imdb()",
        "machine": machine("torch"),
        "parameters": sum(weight.numel() for weight in gpt.parameters()),
        "validation_in_float32": held_out(gpt, split.validation, tokenizer),
    }
    pretrained.save_pretrained("review_gpt", gpt, tokenizer, about, folder)
    saved = pretrained.load_gpt("review_gpt", folder).model
    about["validation"] = held_out(saved, split.validation, tokenizer)
    about["first_100_of_it"] = held_out(saved, split.validation[:100], tokenizer)
    pretrained.save_pretrained("review_gpt", gpt, tokenizer, about, folder)
    print(about["validation_in_float32"], "as stored", about["validation"])


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=0.01)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--store", action="store_true", help="whatever step it is at")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    asked = options(arguments)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    split = reviews.imdb()
    tokenizer = make_tokenizer(each.text for each in split.training)
    learned, measured = (as_ids(part, tokenizer) for part in split[:2])
    with distributed.joined(torch.device(asked.device)) as device:
        torch.manual_seed(0)
        config = replace(CONFIG, vocab=len(tokenizer))
        model = distributed.spread(GPT(config).to(device))
        history, clock = run(model, learned, measured, asked.folder, asked)
        first, processes = distributed.rank() == 0, distributed.processes()
    if not first:
        return
    if history.stopped and not asked.store:
        sys.exit(f"stopped at step {len(history.losses)}: run it again")
    about = {
        "steps": len(history.losses),
        "tokens": history.tokens,
        "seconds": round(clock.seconds()),
        "processes": processes,
        "device": str(device),
        "precision": asked.precision,
        "along_the_way": [[n, round(loss, 3)] for n, loss in history.held_out],
    }
    store(model, tokenizer, split, about)  # alone: measuring would wait for the others


if __name__ == "__main__":
    main(sys.argv[1:])
