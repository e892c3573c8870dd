"""The body of chapter 8: word vectors, learned from reviews without labels.

    python -m benchmarks.pretrain_review_encoder [FOLDER]

Reads the training reviews alone. It may be stopped at any time: the same command goes
on from the checkpoints in FOLDER (default: pretrain_review_encoder in
~/.cache/inside-gpt). At the end it writes the weights `review_encoder` of `lib.hub` and
their card. What a second stage, masked words, would add: `python -m benchmarks.stages`.
"""

import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from benchmarks import Target
from lib import train, vectors
from lib.data import reviews
from lib.data.wheels import cache_folder
from lib.finetune import text_baselines
from lib.hub import pretrained
from lib.model.config import GPTConfig
from lib.model.encoder import Encoder
from lib.tokens.word_tokenizer import WordTokenizer
from lib.train.objectives import Objective
from lib.train.row_adagrad import RowAdagrad
from lib.vectors.whole_texts import Thinned, thinned_texts, word_shares
from tools.machine import machine

COMMAND = "python -m benchmarks.pretrain_review_encoder"
WIDTH, CONTEXT = 128, 512
WORDS = {"steps": 14_000, "batch": 16, "window": 30, "negatives": 5, "shared": 256}
WORDS |= {"lr": 0.3, "threshold": 1e-4, "part": 96}
LABELS = 2_000  # that the vectors are put to the test with
EVERY = 200  # steps from one checkpoint to the next
Texts = list[list[int]]


class Clock(train.Callback):
    """Seconds that a run took, those before it was stopped and went on included."""

    def start(self, run: train.Run) -> None:
        self.before = 0.0
        self.began = time.perf_counter()

    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.began

    def state_dict(self) -> dict[str, float]:
        return {"seconds": self.seconds()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before = state["seconds"]
        self.began = time.perf_counter()


def learn_words(
    texts: Texts, shares: Tensor, folder: Path
) -> tuple[vectors.SkipGram, dict]:
    """A vector for each word, from the words around it: 30 on each side."""
    torch.manual_seed(0)
    model = vectors.SkipGram(len(shares), WIDTH)
    torch.nn.init.normal_(model.word.weight, std=0.002)
    optimizer = RowAdagrad(model.parameters(), WORDS["lr"])
    options = {"objective": near_by(), "schedule": train.linear_decay, "clip": 1e9}
    batches = thinned(texts, shares, seed=0)
    return model, run(model, optimizer, batches, WORDS, folder, options)


def near_by() -> Objective:
    """The loss: which words stand near each other, and which are negatives."""
    loss = vectors.negative_sampling_of_texts
    window = WORDS["window"]
    return partial(loss, window=window, negatives=WORDS["negatives"])


def thinned(texts: Texts, shares: Tensor, seed: int) -> Iterator[Thinned]:
    """Batches as the recipe has them."""
    how = {name: WORDS[name] for name in ("batch", "part", "threshold", "shared")}
    return thinned_texts(texts, shares, **how, seed=seed)


def held_out_loss(model: vectors.SkipGram, texts: Texts, shares: Tensor) -> float:
    """The same loss on one round of texts that it has not learned from."""
    batches = islice(
        thinned(texts, shares, seed=1), max(1, len(texts) // WORDS["batch"])
    )
    return round(train.evaluate(model, batches, near_by()), 3)


def make_body(vocab: int, table: Tensor | None = None) -> Encoder:
    """One block, which starts silent, on word vectors: `table`, or random ones."""
    config = GPTConfig(
        vocab=vocab,
        context=CONTEXT,
        width=WIDTH,
        layers=1,
        heads=4,
        feed_forward="squared_relu",
        zero_output=True,
        init_std=0.05,
    )
    model = Encoder(config)
    if table is not None:
        with torch.no_grad():
            model.embed.tokens.weight.copy_(table)
    return model


def run(model, optimizer, batches, settings, folder, options) -> dict:
    """Train with a checkpoint in the folder; what the card says about it."""
    clock = Clock()
    callbacks = [clock, train.Checkpoint(folder, EVERY)]
    steps = settings["steps"]
    history = train.train(
        model, optimizer, batches, steps, callbacks=callbacks, **options
    )
    if history.stopped:
        sys.exit(f"stopped at step {len(history.losses)} of {steps}: run it again")
    parts = torch.tensor(history.losses).split(-(-steps // 30))
    return settings | {
        "losses": [round(part.mean().item(), 3) for part in parts],
        "tokens": history.tokens,
        "seconds": round(clock.seconds()),
    }


def probe(pretrained: pretrained.PretrainedEncoder, split: reviews.Split) -> float:
    """Validation accuracy of a straight line through averages of the vectors."""
    table = pretrained.model.embed.tokens.weight.detach()
    line = text_baselines.averaged_vectors(pretrained.tokenizer, table)
    few = reviews.balanced_sample(split.training, LABELS, seed=0)
    labels = [int(each.positive) for each in few]
    text_baselines.fit(line, [each.text for each in few], labels)
    found = line.predict([each.text for each in split.validation])
    return float((found == [each.positive for each in split.validation]).mean())


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    tokenizer = WordTokenizer.train(each.text for each in split.training)
    texts, held_out = (
        [tokenizer.encode(each.text) for each in part] for part in split[:2]
    )
    shares = word_shares(texts, len(tokenizer))
    learned, words = learn_words(texts, shares, folder / "words")
    words["held_out_loss"] = held_out_loss(learned, held_out, shares)
    torch.manual_seed(0)  # the block's, whether the run was stopped or not
    model = make_body(len(tokenizer), learned.word.weight.detach())
    found = probe(pretrained.PretrainedEncoder(model, tokenizer, {}), split)
    about = {
        "command": COMMAND,
        "data": f"{len(texts)} training reviews of lib.data.reviews.imdb(), no labels",
        "machine": machine("torch"),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "probe": {"labels": LABELS, "validation_accuracy": round(found, 4)},
        "word_vectors": words,
    }
    pretrained.save_pretrained("review_encoder", model, tokenizer, about)
    saved = probe(pretrained.load_encoder("review_encoder"), split)
    print(Target("a line through averages, as saved", 100 * saved, 85, "%"))


if __name__ == "__main__":
    default = cache_folder() / "pretrain_review_encoder"
    main(Path(sys.argv[1]) if sys.argv[1:] else default)
