"""The body of chapter 6: word vectors, then masked words, from reviews without labels.

    python -m benchmarks.pretrain_reviews [FOLDER]

Reads the training reviews alone. It may be stopped at any time: the same command goes
on from the checkpoints in FOLDER (default: ~/.cache/inside-gpt/pretrain_reviews). At
the end it writes lib/pretrained/reviews.safetensors and its card.
"""

import sys
import time
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from lib import reviews, train, vectors, zoo
from lib.config import GPTConfig
from lib.corpora import cache_folder
from lib.encoder import Encoder
from lib.sampled import sampled_loss, text_windows, with_samples
from lib.thinned import thinned_texts, word_shares
from lib.train.row_adagrad import RowAdagrad
from lib.words import MASK, WordTokenizer
from tools.machine import machine

COMMAND = "python -m benchmarks.pretrain_reviews"
WIDTH, CONTEXT = 128, 512
WORDS = {"steps": 14_000, "batch": 16, "window": 30, "strangers": 5, "shared": 256}
WORDS |= {"lr": 0.3, "threshold": 1e-4, "part": 96}
MASKED = {"steps": 8_000, "batch": 32, "time": 128, "share": 0.25, "samples": 2_048}
MASKED |= {"lr": 2e-3, "lr_words": 0.0}
EVERY = 200  # steps from one checkpoint to the next
Texts = list[list[int]]


class Clock(train.Callback):
    """Seconds that a run took, those before it was stopped and went on included."""

    def start(self, run: train.Run) -> None:
        self.before, self.began = 0.0, time.perf_counter()

    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.began

    def state_dict(self) -> dict[str, float]:
        return {"seconds": self.seconds()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.before, self.began = state["seconds"], time.perf_counter()


def learn_words(texts: Texts, chances: Tensor, folder: Path) -> tuple[Tensor, dict]:
    """A vector for each word, from the words around it: 30 on each side."""
    torch.manual_seed(0)
    model = vectors.SkipGram(len(chances), WIDTH)
    torch.nn.init.normal_(model.word.weight, std=0.002)
    loss = partial(
        vectors.negative_sampling_of_texts,
        window=WORDS["window"],
        strangers=WORDS["strangers"],
    )
    optimizer = RowAdagrad(model.parameters(), WORDS["lr"])
    options = {"objective": loss, "schedule": train.linear_decay, "clip": 1e9}
    how = {name: WORDS[name] for name in ("batch", "part", "threshold", "shared")}
    batches = thinned_texts(texts, chances, **how)
    about = run(model, optimizer, batches, WORDS, folder, options)
    return model.word.weight.detach(), about


def learn_masked(
    table: Tensor, texts: Texts, held_out: Texts, chances: Tensor, folder: Path
) -> tuple[Encoder, dict]:
    """An encoder that starts with these vectors and learns to fill in hidden words."""
    torch.manual_seed(0)
    model = make_body(len(table), table)
    vocab, time = len(table), MASKED["time"]
    masked = partial(train.mask_tokens, mask=MASK, vocab=vocab, share=MASKED["share"])
    rarer = vectors.strangers_by(chances.clamp(min=1e-7))  # any may be drawn
    batches = masked(text_windows(texts, MASKED["batch"], time))
    batches = with_samples(batches, rarer, MASKED["samples"])
    words = model.embed.tokens.weight
    rest = [weight for weight in model.parameters() if weight is not words]
    groups = [{"params": [words], "lr": MASKED["lr_words"]}, {"params": rest}]
    optimizer = torch.optim.AdamW(groups, MASKED["lr"], (0.9, 0.98), fused=True)
    options = {"objective": partial(sampled_loss, chances=rarer)}
    about = run(model, optimizer, batches, MASKED, folder, options)
    about["held_out_loss"] = held_out_loss(model, held_out)
    return model, about


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


def held_out_loss(model: Encoder, texts: Texts) -> float:
    """Surprise at hidden words of reviews not learned from, by the whole softmax."""
    batches = text_windows(texts, 16, MASKED["time"], seed=1)
    batches = train.mask_tokens(batches, MASK, model.config.vocab, MASKED["share"], 1)
    return train.evaluate(model, islice(batches, 30))


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


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    tokenizer = WordTokenizer.train(each.text for each in split.training)
    texts = [tokenizer.encode(each.text) for each in split.training]
    held_out = [tokenizer.encode(each.text) for each in split.validation]
    chances = word_shares(texts, len(tokenizer))
    table, words = learn_words(texts, chances, folder / "words")
    model, masked = learn_masked(table, texts, held_out, chances, folder / "masked")
    about = {
        "command": COMMAND,
        "data": f"{len(texts)} training reviews of lib.reviews.imdb(), no labels",
        "machine": machine("torch"),
        "masked_words": masked,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "word_vectors": words,
    }
    zoo.save_pretrained("reviews", model, tokenizer, about)
    loss = held_out_loss(zoo.load_pretrained("reviews").model, held_out)
    print(f"held-out loss {masked['held_out_loss']:.4f}, as saved {loss:.4f} nats")


if __name__ == "__main__":
    default = cache_folder() / "pretrain_reviews"
    main(Path(sys.argv[1]) if sys.argv[1:] else default)
