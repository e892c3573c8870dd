"""GPTs as the hub stores them, written by a test, and what they say in PyTorch."""

from dataclasses import replace
from pathlib import Path

import torch

from lib.hub.pretrained import load_gpt, save_pretrained
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer

PROMPTS = [
    "All in all it was",
    "The film begins in a small town, and nobody there knows why.\n\n",
    "naïve — “1066”, 你好 🙂",
]
BIG = GPTConfig(  # the form of the book's GPT over reviews: five million parameters
    vocab=4096,
    context=512,
    width=256,
    layers=6,
    heads=4,
    hidden=768,
    feed_forward="squared_relu",
    qk_norm=True,
)


def write_gpt(name: str, folder: Path, config: GPTConfig, tokenizer=None) -> None:
    """A GPT in whose weights every part has a say; without a tokenizer, of letters."""
    torch.manual_seed(0)
    if tokenizer is None:
        tokenizer = CharacterTokenizer("".join(map(chr, range(60, 60 + config.vocab))))
    model = GPT(replace(config, vocab=len(tokenizer), zero_output=False))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight) / model.config.width**0.25)
    save_pretrained(name, model, tokenizer, {}, folder)


def pairs(text: str, vocab: int) -> BytePairTokenizer:
    """Byte pairs learned from a text, with a token that ends one."""
    return BytePairTokenizer.train(text, vocab, ["<|endoftext|>"])


@torch.no_grad()
def scores(name: str, folder: Path, ids: list[int]) -> torch.Tensor:
    """After each token, in PyTorch, with a cache, from the weights as stored."""
    model = load_gpt(name, folder).model
    cache = model.new_cache()
    parts = torch.tensor([ids]).split(model.config.context, dim=1)
    return torch.cat([model(part, cache) for part in parts], dim=1)[0]
