"""Samples: each prompt is continued by every writer in the same way."""

from dataclasses import replace

import torch

from benchmarks import samples
from benchmarks.pretrain_review_gpt import CONFIG, SPECIAL
from lib.measure.ngram import NGram
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

TOKENIZER = BytePairTokenizer.train(" ".join(samples.PROMPTS) * 3, 300, SPECIAL)


def test_a_text_begins_with_its_prompt_and_ends_where_the_review_does(monkeypatch):
    monkeypatch.setattr(samples, "NEW", 12)
    torch.manual_seed(0)
    config = replace(CONFIG, vocab=len(TOKENIZER), width=16, layers=1, heads=2)
    end = TOKENIZER.special["<|endoftext|>"]
    ids = [[end, *TOKENIZER.encode(f"{prompt} ...")] for prompt in samples.PROMPTS]
    learned = torch.tensor([number for row in ids for number in row] + [end])
    for model in (
        GPT(replace(config, hidden=16)),
        NGram(learned, len(TOKENIZER), 6, "Kneser-Ney"),
    ):
        texts = samples.continuations(model, TOKENIZER)
        assert len(texts) == 5 and texts == samples.continuations(model, TOKENIZER)
        for prompt, text in zip(samples.PROMPTS, texts, strict=True):
            assert text.startswith(prompt) and "<|endoftext|>" not in text


def test_only_words_after_the_prompt_are_counted():
    texts = [f"{prompt} film qwfp good" for prompt in samples.PROMPTS]
    found = samples.known_words(texts, {"film", "good"})
    assert found == 0.6667
    (target,) = samples.targets({"known_words": {"review_gpt": found}})
    assert not target.met()
