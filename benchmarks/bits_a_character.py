"""Bits a character: the book's GPT beside counts, compressors and half a minute.

    python -m benchmarks.bits_a_character [--keep FOLDER]
    python -m benchmarks.bits_a_character --hub FOLDER        another model, not stored

All are measured on the validation reviews, never on the test reviews. A review's
characters are counted with one more for its end, which every method has to write too,
as `benchmarks.pretrain_review_gpt.held_out` does.

Counts are of characters, and of the model's own tokens. Which smoothing they get was
chosen on the last thousand training reviews. Compressors write the reviews alone, and
after they have read the training reviews, or as much of them as they can. The half
minute is the recipe of the long run with small batches. Each part is kept in FOLDER as
soon as it is known (default: ~/.cache/inside-gpt/bits), so that the same command goes
on where it was stopped.
"""

import argparse
import bz2
import json
import lzma
import math
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import Target, conclude
from benchmarks import pretrain_review_gpt as recipe
from lib import train
from lib.data import reviews
from lib.data.corpora import Review
from lib.data.wheels import cache_folder
from lib.hub import pretrained
from lib.measure.ngram import NGram
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

ORDERS = {"characters": (1, 2, 3, 4, 5, 6, 8, 10), "tokens": (1, 2, 3, 4, 5, 6)}
MIXED = ("Kneser-Ney", "Witten-Bell")
CHOSEN_AT = {"characters": 6, "tokens": 5}  # the order at which smoothings are compared
CHOSEN_ON = 1_000  # training reviews
END, CHARACTERS = "\U0010ffff", 0x110000  # no review has it; all there are in Unicode
SEEDS = (0, 1, 2)
SHORT = {"steps": 52, "batch": 4, "time": 128, "warm_up": 5}  # about 30 s of one core
RATES = {"lr": 0.02, "adam_lr": 0.01, "momentum": 0.95}
LZMA = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}
LZMA |= {"dict_size": 2**26, "lc": 4, "lp": 0, "pb": 0}  # sees back 64 MB; text
ZLIB_SEES = 2**15  # bytes


def characters(part: Iterable[Review]) -> int:
    """How many there are to write, one more for the end of each review."""
    return sum(len(each.text) + 1 for each in part)


def as_characters(part: Iterable[Review]) -> Tensor:
    """The code points, review after review, each with an end."""
    text = "".join(each.text + END for each in part)
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    return torch.from_numpy(codes.astype(np.int64))


def bits(table: NGram, ids: Tensor, part: Iterable[Review]) -> float:
    """What a table needs to write these reviews, bits a character."""
    nats = table.surprises(ids).sum().item()
    return round(nats / math.log(2) / characters(part), 4)


def choose(encode: Callable, vocab: int, order: int, training: list[Review]) -> dict:
    """Bits a character by smoothing, on training reviews that were held back."""
    learned, measured = training[:-CHOSEN_ON], training[-CHOSEN_ON:]
    ids, held_back = encode(learned), encode(measured)
    return {
        name: bits(NGram(ids, vocab, order, name), held_back, measured)
        for name in MIXED
    }


def counts(split: reviews.Split, tokenizer: BytePairTokenizer) -> dict:
    """Bits a character by unit and order, with the smoothing that was chosen."""
    units = {
        "characters": (as_characters, CHARACTERS),
        "tokens": (partial(recipe.as_ids, tokenizer=tokenizer), len(tokenizer)),
    }
    found = {}
    for unit, (encode, vocab) in units.items():
        compared = choose(encode, vocab, CHOSEN_AT[unit], split.training)
        smoothing = min(compared, key=lambda name: compared[name])
        ids, held_out = encode(split.training), encode(split.validation)
        by_order = {}
        for order in ORDERS[unit]:
            table = NGram(ids, vocab, order, smoothing)
            by_order[str(order)] = bits(table, held_out, split.validation)
        found[unit] = {"smoothing": smoothing, "on_training_reviews": compared}
        found[unit]["by_order"] = by_order
    return found


def compressors(split: reviews.Split) -> dict:
    """Bits a character by compressor, alone and primed with the training reviews."""
    learned, written = (
        "".join(f"{each.text}\0" for each in part).encode() for part in split[:2]
    )
    per_byte = 8 / characters(split.validation)
    primed = zlib.compressobj(9, zdict=learned[-ZLIB_SEES:])
    sizes = {
        "zlib": len(zlib.compress(written, 9)),
        "zlib, primed": len(primed.compress(written) + primed.flush()),
        "bz2": len(bz2.compress(written, 9)),
        "lzma": lzma_size(written),
        "lzma, primed": lzma_size(learned + written) - lzma_size(learned),
    }
    return {name: round(size * per_byte, 4) for name, size in sizes.items()}


def lzma_size(data: bytes) -> int:
    return len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=[LZMA]))


def half_minute(learned: Tensor, vocab: int, seed: int) -> tuple[GPT, float]:
    """The long run's model and recipe for half a minute, and the seconds it took."""
    torch.manual_seed(seed)
    model = GPT(replace(recipe.CONFIG, vocab=vocab))
    batches = train.windows(learned, SHORT["batch"], SHORT["time"], seed=seed)
    falling = partial(train.warm_up_stable_decay, warm_up=SHORT["warm_up"])
    began = time.process_time()
    train.train(
        model,
        train.muon(model, **RATES),
        batches,
        SHORT["steps"],
        schedule=falling,
        precision="bfloat16",
    )
    return model, round(time.process_time() - began, 1)


def half_minutes(split: reviews.Split, tokenizer: BytePairTokenizer) -> dict:
    """The half-minute run, with each seed."""
    learned = recipe.as_ids(split.training, tokenizer)
    runs = []
    for seed in SEEDS:
        model, seconds = half_minute(learned, len(tokenizer), seed)
        measured = recipe.held_out(model, split.validation, tokenizer)
        runs.append(measured | {"processor_seconds": seconds})
    tokens = SHORT["steps"] * SHORT["batch"] * SHORT["time"]
    return {"runs": runs, "settings": SHORT | RATES, "tokens": tokens}


def keeping(name: str, made_with: list) -> str:
    """A name for what was made with some settings."""
    return f"{name}-{sha256(json.dumps(made_with).encode()).hexdigest()[:12]}"


def kept(folder: Path, name: str, made_with: list, make: Callable[[], dict]) -> dict:
    """What was made before with the same settings, or else is made now, and kept."""
    path = folder / f"{keeping(name, made_with)}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(make()))
        fresh.rename(path)
    found = json.loads(path.read_text())
    print(name, json.dumps(found, indent=1), flush=True)
    return found


def targets(figures: dict) -> list[Target]:
    """What the long run is for: fewer bits than what only counts or compresses."""
    counted = [min(each["by_order"].values()) for each in figures["counts"].values()]
    model = figures["review_gpt"]["bits_a_character"]
    counting = 100 * (1 - model / min(counted))
    packing = 100 * (1 - model / min(figures["compressors"].values()))
    return [
        Target("below the best counts", counting, 15, "%"),
        Target("below the best compressor", packing, 28, "%"),
    ]


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    parser.add_argument("--keep", type=Path, default=cache_folder() / "bits")
    parser.add_argument("--check", action="store_true", help="exit 1 on a miss")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    asked = options(arguments)
    torch.set_num_threads(1)
    split = reviews.imdb()
    stored = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER)
    tokenizer = stored.tokenizer
    counting = [tokenizer.merges, ORDERS, CHOSEN_AT, CHOSEN_ON]
    learning = [tokenizer.merges, SHORT, RATES, asdict(recipe.CONFIG)]
    keep = partial(kept, asked.keep)
    figures = {
        "compressors": keep("compressors", [LZMA], lambda: compressors(split)),
        "counts": keep("counts", counting, lambda: counts(split, tokenizer)),
        "half_minute": keep(
            "half_minute", learning, lambda: half_minutes(split, tokenizer)
        ),
        "review_gpt": recipe.held_out(stored.model, split.validation, tokenizer),
        "reviews": {"characters": characters(split.validation)},
        "weights_sha256": stored.card["sha256"],
    }
    if asked.hub is None:
        conclude("bits_a_character", figures, targets(figures), ["torch"])
    else:
        print(figures["review_gpt"], *targets(figures), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
