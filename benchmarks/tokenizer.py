"""Byte-pair encoding: the book's Python beside the textbook's algorithm and Rust.

    python -m benchmarks.tokenizer            about 2 minutes
    python -m benchmarks.tokenizer --check    exits 1 if a target is missed

Training: from 1 MB of the plays to 1,024 tokens, with GPT-2's words, by
- this book's trainer, `BytePairTokenizer.train`;
- the textbook's algorithm, `textbook` below, which counts all pairs of the whole text
  again after every merge: all 768 merges are run, once, and must be the same ones;
- the trainer of the Rust package `tokenizers`.
Encoding: all the plays, 5 MB, as one string, by this book's tokenizer with its cache
empty, and by `tiktoken`, which is Rust too, with the same merges.

All but the textbook's run several times, in turns; medians are given. Each has one
thread, and what is measured is the processor's time, which other programs on the
machine lengthen little. Cutting the text into words is part of every time. The result
is stored beside those of other processors.
"""

import os
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import process_time

import tiktoken
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from benchmarks import Target, conclude
from lib.data import corpora
from lib.tokens.bpe import BYTES, WORD, Pair, merge_pair, split_words
from lib.tokens.tokenizer import BytePairTokenizer

TRAINING_BYTES = 1_000_000
VOCAB = 1024
REPEATS = 7
GAP = -1  # stands between words, so that no pair crosses


def textbook(text: str, merges: int) -> list[Pair]:
    """The plain algorithm, as fast as plain Python goes: one list, counted in C."""
    ids = [id for word in split_words(text) for id in (*word.encode(), GAP)]
    learned = []
    for new in range(BYTES, BYTES + merges):
        counts = Counter(pairwise(ids))
        inside = (pair for pair in counts if GAP not in pair)
        pair = min(inside, key=lambda pair: (-counts[pair], pair))
        ids = merge_pair(ids, pair, new)
        learned.append(pair)
    return learned


def ours(text: str) -> BytePairTokenizer:
    return BytePairTokenizer.train(text, VOCAB)


def rust(text: str) -> Tokenizer:
    """The package's byte-level trainer; its pattern for words is the same, GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def openai(trained: BytePairTokenizer) -> tiktoken.Encoding:
    """The same merges and words in `tiktoken`."""
    ranks = {token: rank for rank, token in enumerate(trained.tokens)}
    return tiktoken.Encoding(
        "ours", pat_str=WORD, mergeable_ranks=ranks, special_tokens={}
    )


def seconds(function: Callable[[], object]) -> float:
    """Processor seconds that a call takes."""
    began = process_time()
    function()
    return process_time() - began


def medians(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Run all of them in turns, so that a busy minute hits them alike: seconds."""
    rounds = [
        {name: seconds(function) for name, function in contenders.items()}
        for _ in range(REPEATS)
    ]
    return {name: median(times[name] for times in rounds) for name in contenders}


def training(text: str) -> dict[str, float]:
    """Seconds to train, by each of the three; the textbook must agree with ours."""
    times = medians({"ours": lambda: ours(text), "rust": lambda: rust(text)})
    began = process_time()
    merges = textbook(text, VOCAB - BYTES)
    times["textbook"] = process_time() - began
    assert merges == ours(text).merges, "the textbook's merges differ"
    return times


def encoding(text: str, trained: BytePairTokenizer) -> dict[str, float]:
    """Seconds to encode, by both; the ids are checked to agree."""
    theirs = openai(trained)
    assert trained.encode(text) == theirs.encode_ordinary(text), "tiktoken's ids differ"
    return medians(
        {
            "ours": lambda: BytePairTokenizer(trained.merges).encode(text),
            "tiktoken": lambda: theirs.encode_ordinary(text),
        }
    )


def table(title: str, times: dict[str, float], megabytes: float) -> None:
    print(f"\n{title:26}{'seconds':>9}{'MB/s':>8}{'time, ours = 1':>17}")
    for name, time in times.items():
        ratio = time / times["ours"]
        print(f"  {name:24}{time:9.2f}{megabytes / time:8.2f}{ratio:17.2f}")


def targets(figures: dict) -> list[Target]:
    """Far ahead of the textbook, within sight of Rust, and no wait for a reader."""
    took = figures["training_seconds"]
    faster = took["textbook"] / took["ours"]
    slower = took["ours"] / took["rust"]
    rate = figures["megabytes"]["encoding"] / figures["encoding_seconds"]["ours"]
    return [
        Target("training beside the textbook", faster, 30, "times faster"),
        Target("training beside Rust", slower, 10, "times its time", at_most=True),
        Target("encoding", rate, 1, "MB/s"),
    ]


def main() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread for Rust as well
    plays = "\n\n".join(corpora.shakespeare().values())
    text = plays.encode()[:TRAINING_BYTES].decode(errors="ignore")
    megabytes = {
        "training": len(text.encode()) / 1e6,
        "encoding": len(plays.encode()) / 1e6,
    }
    train_times = training(text)
    table("Training to 1,024 tokens", train_times, megabytes["training"])
    encode_times = encoding(plays, ours(text))
    table("Encoding", encode_times, megabytes["encoding"])
    print()
    figures = {
        "clock": "processor seconds, one thread each",
        "vocab": VOCAB,
        "megabytes": {name: round(size, 3) for name, size in megabytes.items()},
        "training_seconds": {n: round(t, 3) for n, t in train_times.items()},
        "encoding_seconds": {n: round(t, 3) for n, t in encode_times.items()},
    }
    packages = ["regex", "tokenizers", "tiktoken"]
    conclude("tokenizer", figures, targets(figures), packages, by_processor=True)


if __name__ == "__main__":
    main()
