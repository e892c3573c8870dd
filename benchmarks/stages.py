"""What a second stage of pretraining would add: masked words after word vectors.

    python -m benchmarks.stages [FOLDER]

The masked stage starts with the word vectors of chapter 8's body and teaches its block
to fill in hidden words, 25 minutes on one core; it may be stopped, and goes on from its
checkpoint in FOLDER (default: ~/.cache/inside-gpt/stages). Then each body is fine-tuned
as in `benchmarks.imdb` and measured on the validation reviews. (The same body without
pretraining is that benchmark's "scratch".)
"""

import copy
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from benchmarks import Target, conclude, imdb, pretrain_review_encoder
from lib import train, vectors
from lib.data import reviews
from lib.data.wheels import cache_folder
from lib.hub.pretrained import PretrainedEncoder, load_encoder
from lib.model.encoder import Encoder
from lib.tokens.word_tokenizer import MASK
from lib.train.sampled_softmax import sampled_loss, text_windows, with_samples
from lib.vectors.whole_texts import word_shares

MASKED = {"steps": 8_000, "batch": 32, "time": 128, "share": 0.25, "samples": 2_048}
MASKED |= {"lr": 2e-3, "lr_words": 0.0}  # vectors that moved came out worse
LABELS, SEEDS = (100, 500), (0, 1, 2)
Texts = list[list[int]]


def learn_masked(
    table: Tensor, texts: Texts, held_out: Texts, shares: Tensor, folder: Path
) -> tuple[Encoder, dict]:
    """An encoder that starts with these vectors and learns to fill in hidden words."""
    torch.manual_seed(0)
    model = pretrain_review_encoder.make_body(len(table), table)
    vocab = len(table)
    time = MASKED["time"]
    masked = partial(train.mask_tokens, mask=MASK, vocab=vocab, share=MASKED["share"])
    rarer = vectors.negative_chances(shares.clamp(min=1e-7))  # any may be drawn
    batches = masked(text_windows(texts, MASKED["batch"], time))
    batches = with_samples(batches, rarer, MASKED["samples"])
    words = model.embed.tokens.weight
    rest = [weight for weight in model.parameters() if weight is not words]
    groups = [{"params": [words], "lr": MASKED["lr_words"]}, {"params": rest}]
    optimizer = torch.optim.AdamW(groups, MASKED["lr"], (0.9, 0.98), fused=True)
    options = {"objective": partial(sampled_loss, chances=rarer)}
    about = pretrain_review_encoder.run(
        model, optimizer, batches, MASKED, folder, options
    )
    about["held_out_loss"] = held_out_loss(model, held_out)
    return model, about


def held_out_loss(model: Encoder, texts: Texts) -> float:
    """Surprise at hidden words of reviews not learned from, by the whole softmax."""
    batches = text_windows(texts, 16, MASKED["time"], seed=1)
    batches = train.mask_tokens(batches, MASK, model.config.vocab, MASKED["share"], 1)
    return train.evaluate(model, islice(batches, 30))


def fine_tuned(
    body: Callable[[], PretrainedEncoder], split: reviews.Split
) -> dict[str, list[float]]:
    """Validation accuracy by labels, a list over the seeds."""
    found: dict[str, list[float]] = {}
    for many in LABELS:
        for seed in SEEDS:
            few = reviews.balanced_sample(split.training, many, seed)
            task = imdb.Task(few, split.validation, seed, many)
            scores = imdb.run("layerwise", task, body)
            found.setdefault(str(many), []).append(scores.accuracy)
    return found


def targets(figures: dict) -> list[Target]:
    """A second stage was to help: over both numbers of labels, and all seeds."""
    points = {
        body: 100 * mean(mean(accuracies) for accuracies in by_labels.values())
        for body, by_labels in figures["accuracy"].items()
    }
    gain = points["word vectors, masked words"] - points["word vectors"]
    return [Target("masked words above word vectors", gain, 0, "points")]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    pretrained = load_encoder("review_encoder")
    encode = pretrained.tokenizer.encode
    vocab = len(pretrained.tokenizer)
    texts, held_out = ([encode(each.text) for each in part] for part in split[:2])
    shares = word_shares(texts, vocab)
    table = pretrained.model.embed.tokens.weight.detach().clone()
    masked, about = learn_masked(table, texts, held_out, shares, folder / "masked")
    masked_too = pretrained._replace(model=masked)
    bodies = {
        "word vectors": imdb.word_vectors,
        "word vectors, masked words": lambda: copy.deepcopy(masked_too),
    }
    found = {name: fine_tuned(body, split) for name, body in bodies.items()}
    figures = {"accuracy": found, "masked_words": about}
    conclude("stages", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else cache_folder() / "stages")
