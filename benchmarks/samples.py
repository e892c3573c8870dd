"""Five continuations of fixed prompts, none of them selected, from three writers.

    python -m benchmarks.samples
    python -m benchmarks.samples --hub FOLDER        another model, not stored

The writers are the best table of counts of `benchmarks.bits_a_character`, its
half-minute run, and the book's GPT. All get the same prompts, each with a seed of its
own, and the same temperature.
"""

import argparse
import sys
from pathlib import Path

import torch

from benchmarks import Target, conclude
from benchmarks.bits_a_character import half_minute
from benchmarks.pretrain_review_gpt import END, as_ids
from lib.data import reviews
from lib.generate import Sampling, generate
from lib.hub import pretrained
from lib.measure.diversity import known_share
from lib.measure.ngram import NGram
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer
from lib.tokens.words import letter_words

PROMPTS = (
    "I watched this film last night",
    "The story is about",
    "What I liked best",
    "The worst thing about this movie",
    "If you want to see",
)
NEW, TEMPERATURE = 80, 0.8
COUNTS = {"order": 5, "smoothing": "Kneser-Ney"}  # of tokens


def continuations(model: GPT | NGram, tokenizer: BytePairTokenizer) -> list[str]:
    """Each prompt, as the beginning of a review, and what the model writes after it."""
    end = tokenizer.special[END]
    prompts = [torch.tensor([end, *tokenizer.encode(prompt)]) for prompt in PROMPTS]
    texts = [
        generate(model, ids, NEW, Sampling(TEMPERATURE), stop=(end,), seed=number)
        for number, ids in enumerate(prompts)
    ]
    return [tokenizer.decode(text[text != end]) for text in texts]


def known_words(texts: list[str], known: set[str]) -> float:
    """Which share of the words after the prompts stands in the training reviews."""
    pairs = zip(texts, PROMPTS, strict=True)
    new = [word for text, prompt in pairs for word in letter_words(text[len(prompt) :])]
    return round(known_share(new, known), 4)


def targets(figures: dict) -> list[Target]:
    """It writes words; whether sentences hang together is for readers to say."""
    share = 100 * figures["known_words"]["review_gpt"]
    return [Target("words that exist", share, 95, "%")]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    stored = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER)
    tokenizer = stored.tokenizer
    training = reviews.imdb().training
    learned = as_ids(training, tokenizer)
    writers = {
        "counts": NGram(learned, len(tokenizer), **COUNTS),
        "half_minute": half_minute(learned, len(tokenizer), seed=0)[0],
        "review_gpt": stored.model,
    }
    written = {n: continuations(model, tokenizer) for n, model in writers.items()}
    for name, texts in written.items():
        print(name, *texts, sep="\n    ")
    known = set(letter_words("\n".join(each.text for each in training)))
    figures = {
        "counts": COUNTS,
        "known_words": {
            name: known_words(each, known) for name, each in written.items()
        },
        "new_tokens": NEW,
        "prompts": PROMPTS,
        "temperature": TEMPERATURE,
        "weights_sha256": stored.card["sha256"],
        "written": written,
    }
    if asked.hub is None:
        conclude("samples", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main(sys.argv[1:])
