"""What the book's GPT remembers: how much of what it writes stands in the reviews.

    python -m benchmarks.copies
    python -m benchmarks.copies --hub FOLDER        another model, not stored

It writes from the openings of validation reviews and from nothing, and only what it
wrote is looked up in the training reviews, letter for letter, in stretches of 50
characters. The same is done for what people wrote: as much of the same validation
reviews, after the same openings, and all of those reviews. People copy by chance, and
they write what everybody writes: stretches that several training reviews have are
counted apart. Reviews that were posted twice are not among them: `lib.data.reviews`
drops those before it splits. No figure here is of test reviews.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks import Target, conclude
from benchmarks.pretrain_review_gpt import END
from lib.data import reviews
from lib.data.corpora import Review
from lib.generate import Sampling, generate
from lib.hub import pretrained
from lib.measure.copies import Copies, Copy
from lib.measure.slices import counted
from lib.tokens.tokenizer import BytePairTokenizer

STRETCH = 50  # characters
SAMPLES, TOGETHER, NEW, OPENING = 200, 50, 300, 16  # texts, texts at once, and tokens
TEMPERATURES = (1.0, 0.8)
LONGEST = 5  # copies whose lengths are stored
SETTINGS = {"new_tokens": NEW, "opening_tokens": OPENING, "samples": SAMPLES}


def openings(
    part: Sequence[Review], tokenizer: BytePairTokenizer
) -> list[tuple[list[int], str]]:
    """The first tokens of reviews that are long enough, and what comes after them."""
    found = []
    for review in part:
        ids = tokenizer.encode(review.text)
        if len(ids) > OPENING:
            rest = ids[OPENING : OPENING + NEW]
            found.append((ids[:OPENING], tokenizer.decode(rest)))
        if len(found) == SAMPLES:
            break
    return found


def write(
    stored: pretrained.PretrainedGPT, prompts: Sequence[Sequence[int]], heat: float
) -> list[str]:
    """What the model writes after each prompt, without it, until the review ends."""
    end = stored.tokenizer.special[END]
    rows = [torch.tensor([end, *prompt]) for prompt in prompts]
    texts = []
    for first in range(0, len(rows), TOGETHER):
        some = rows[first : first + TOGETHER]
        whole = generate(
            stored.model, some, NEW, Sampling(heat), stop=(end,), seed=first
        )
        for prompt, ids in zip(some, whole, strict=True):
            new = ids[len(prompt) :]
            texts.append(stored.tokenizer.decode(new[new != end]))
    return texts


def measure(table: Copies, texts: Sequence[str]) -> dict:
    """How much of these texts is copied, by stretches and by texts."""
    copied = [table.copied(text) for text in texts]
    by_text = [int(each.sum()) for each in copied]
    found, stretches = sum(by_text), sum(map(len, copied))
    common = sum(
        len(table.sources(text[start : start + STRETCH])) > 1
        for text, each in zip(texts, copied, strict=True)
        for start in np.flatnonzero(each)
    )
    return {
        "characters": sum(map(len, texts)),
        "copied": found,
        "copied_and_in_several_reviews": common,
        "copied_in_the_ten_texts_with_most": sum(sorted(by_text)[-10:]),
        "longest": [len(span.text) for span in longest(table, texts)],
        "share_copied": round(found / stretches, 6),
        "share_copied_from_one_review": round((found - common) / stretches, 6),
        "stretches": stretches,
        "texts_with_a_copy": counted([n > 0 for n in by_text])._asdict(),
    }


def longest(table: Copies, texts: Sequence[str]) -> list[Copy]:
    """The longest copies in any of the texts."""
    spans = [span for text in texts for span in table.spans(text)]
    return sorted(spans, key=lambda span: -len(span.text))[:LONGEST]


def written(
    stored: pretrained.PretrainedGPT, table: Copies, prompts: dict[str, list[list[int]]]
) -> dict[str, dict]:
    """What the model copies, by prompts and temperature, with the words themselves."""
    found = {}
    for name, rows in prompts.items():
        for heat in TEMPERATURES:
            texts = write(stored, rows, heat)
            words = [span.text for span in longest(table, texts)]
            figures = measure(table, texts) | {"longest_in_words": words}
            found[f"{name}, temperature {heat}"] = figures
            print(name, heat, figures, flush=True)
    return found


def targets(figures: dict) -> list[Target]:
    """It copies no more than people do who have not read the reviews."""
    wrote = max(each["share_copied"] for each in figures["written"].values())
    people = figures["by_chance"]["all"]["share_copied"]
    return [Target("copied, beside people", wrote / people, 1, "times", at_most=True)]


def summary(figures: dict) -> dict:
    """What the model's card says of it: its worst way of writing, and people."""
    worst = max(figures["written"].values(), key=lambda each: each["share_copied"])
    return {
        "command": "python -m benchmarks.copies",
        "longest_copy": max(worst["longest"], default=0),
        "share_of_stretches": worst["share_copied"],
        "share_of_stretches_of_people": figures["by_chance"]["all"]["share_copied"],
        "stretch": figures["stretch"],
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    split = reviews.imdb()
    stored = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER)
    table = Copies([each.text for each in split.training], STRETCH)
    begun = openings(split.validation, stored.tokenizer)
    prompts = {"openings": [ids for ids, _ in begun], "nothing": [[]] * SAMPLES}
    figures = {
        "by_chance": {
            "after the same openings": measure(table, [rest for _, rest in begun]),
            "all": measure(table, [each.text for each in split.validation]),
        },
        "settings": SETTINGS,
        "stretch": STRETCH,
        "weights_sha256": stored.card["sha256"],
    }
    print(figures)
    figures["written"] = written(stored, table, prompts)
    if asked.hub is None:
        conclude("copies", figures, targets(figures), ["torch", "numpy"])
        pretrained.add_to_card("review_gpt", {"remembers": summary(figures)})


if __name__ == "__main__":
    main(sys.argv[1:])
