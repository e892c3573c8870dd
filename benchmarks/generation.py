"""Generation: the book's `generate` beside that of `transformers`, same weights.

    python -m benchmarks.generation            about 2 minutes
    python -m benchmarks.generation --check    exits 1 if a target is missed

A GPT-2 of 4 layers and width 128 with random weights, in both libraries, on one thread,
one text at a time, without gradients. Both choose the likeliest token, and must choose
the same ones.

Speed: both continue a prompt of 32 tokens by 128 and by 960, each with its cache. A
third contestant does only what every program must do for a token: the products of all
its matrices with one vector, one PyTorch call each. What is over is overhead: the cost
of calling many small operations. `transformers` spends most of its time on that. The
book reads one token of one text by `lib.fast.numpy_gpt`, since NumPy has less to do
around each operation; a fourth contestant is the book without it. The third one's line
is a bound on what can be gained in PyTorch without a compiler.

Cost of a token as the text grows: milliseconds for the next token after 32 to 1,024
tokens, with the cache and without. With it, a token costs its own position's work, the
same for every token, and a look at everything kept. In a layer the matrices are
12 * width**2 = 197 thousand numbers; keys and values of n tokens are 2 * width * n, at
1,024 tokens 262 thousand, which is more. So the line must rise: its slope is the time
to read 2 * width * layers numbers more for each token. Without the cache every token
costs a pass over the whole text.

The two targets pull against each other. What the kept tokens cost does not shrink when
the rest gets faster: all matrices are 3.4 MB for a token, keys and values of 1,024
tokens 4.2 MB more. A token at 1,024 can cost 1.5 times one at 32 only if the latter
takes twice the time of that look back, and 6 times as fast as `transformers` leaves no
such time where `transformers` is fast. From which speed on is printed and stored.

All contestants take turns, and medians are given. What is measured is the processor's
time, which other programs on the machine lengthen less than the clock's.
"""

import copy
from collections.abc import Callable
from statistics import median
from time import process_time

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks import Target, conclude
from lib.generate.loop import GREEDY, generate, stream
from lib.hub.huggingface import from_hf
from lib.model.gpt import GPT

SIZES = {"vocab_size": 512, "n_embd": 128, "n_layer": 4, "n_head": 4}
CONTEXT, PROMPT, ROUNDS = 1152, 32, 7
LENGTHS = (32, 64, 128, 256, 512, 1024)
TOKENS = {True: 64, False: 2}  # timed at each length, with the cache and without


def opponents() -> tuple[GPT, GPT2LMHeadModel]:
    """The same weights in the book's model and in that of `transformers`."""
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(n_positions=CONTEXT, **SIZES)).eval()
    return from_hf(theirs.state_dict(), theirs.config).eval(), theirs


class InPyTorch(GPT):
    """The same model. As it is no plain GPT, `generate` does not read it by NumPy."""


def by_transformers(model: GPT2LMHeadModel, prompt: Tensor, new: int) -> Tensor:
    options = {"do_sample": False, "use_cache": True, "eos_token_id": None}
    mask = torch.ones_like(prompt)[None]
    return model.generate(
        prompt[None], attention_mask=mask, max_new_tokens=new, **options
    )[0]


@torch.inference_mode()
def products(model: GPT, new: int) -> None:
    """What no program can leave out: each matrix times one vector, for each token."""
    matrices = [m.weight for m in model.modules() if isinstance(m, torch.nn.Linear)]
    vectors = {m.size(1): torch.ones(m.size(1)) for m in matrices}
    for _ in range(new):
        for matrix in matrices:
            torch.mv(matrix, vectors[matrix.size(1)])


def seconds(function: Callable[[], object]) -> float:
    """Processor seconds that a call takes."""
    began = process_time()
    function()
    return process_time() - began


def speeds(new: int) -> dict[str, float]:
    """Tokens a second of the contestants, medians of rounds in turns."""
    ours, theirs = opponents()
    slow = copy.copy(ours)
    slow.__class__ = InPyTorch
    prompt = torch.arange(PROMPT)
    contestants = {
        "ours": lambda: generate(ours, prompt, new, GREEDY),
        "ours in PyTorch": lambda: generate(slow, prompt, new, GREEDY),
        "transformers": lambda: by_transformers(theirs, prompt, new),
        "products alone": lambda: products(ours, new),
    }
    expected = contestants["transformers"]()
    for name in ("ours", "ours in PyTorch"):
        assert contestants[name]().equal(expected), f"{name} chose other tokens"
    rounds = [{n: seconds(c) for n, c in contestants.items()} for _ in range(ROUNDS)]
    return {n: new / median(times[n] for times in rounds) for n in contestants}


def token_cost(model: GPT, length: int, cached: bool) -> float:
    """Seconds for one token more after about `length` tokens."""
    prompt = torch.arange(length) % 512
    new = TOKENS[cached]
    tokens = stream(model, prompt, new + 1, GREEDY, cached=cached)
    next(tokens)  # the prompt is read
    return seconds(lambda: list(tokens)) / new


def costs() -> dict[bool, dict[int, float]]:
    """Milliseconds a token at each length, with the cache and without."""
    model, _ = opponents()
    rounds = [
        {
            (n, cached): token_cost(model, n, cached)
            for n in LENGTHS
            for cached in TOKENS
        }
        for _ in range(ROUNDS)
    ]
    return {
        cached: {
            n: 1000 * median(times[n, cached] for times in rounds) for n in LENGTHS
        }
        for cached in TOKENS
    }


def tables(speed: dict[int, dict[str, float]], cost: dict[bool, dict]) -> None:
    print(f"{'tokens a second':26}" + "".join(f"{new:>6} new" for new in speed))
    for name in speed[128]:
        print(f"  {name:24}" + "".join(f"{row[name]:10.0f}" for row in speed.values()))
    print(f"\n{'milliseconds a token':26}" + "".join(f"{n:8,}" for n in LENGTHS))
    for cached, name in ((True, "with the cache"), (False, "without")):
        print(f"  {name:24}" + "".join(f"{ms:8.2f}" for ms in cost[cached].values()))


def targets(figures: dict) -> list[Target]:
    """Several times as fast as `transformers`, and nearly as fast in a long text."""
    speed = figures["tokens_per_second"]["128"]
    faster = speed["ours"] / speed["transformers"]
    kept = dict(zip(figures["lengths"], figures["milliseconds_cached"], strict=True))
    dearer = kept[1024] / kept[32]
    return [
        Target("cached generation", faster, 6, "times as fast as transformers"),
        Target("a token at 1,024 tokens", dearer, 1.5, "times one at 32", True),
    ]


def main() -> None:
    torch.set_num_threads(1)
    speed = {new: speeds(new) for new in (128, 960)}
    cost = costs()
    tables(speed, cost)
    kept = cost[True]
    slope = 1000 * 1000 * (kept[1024] - kept[32]) / (1024 - 32)
    bound = speed[128]["products alone"] / speed[128]["transformers"]
    limit = 1000 / (6 * 2 * (kept[1024] - kept[32]))  # milliseconds to tokens a second
    print(f"\nslope with the cache: {slope:.0f} microseconds per 1,000 tokens kept")
    print(f"products alone: {bound:.1f} times as fast as transformers")
    print(
        f"both targets: only if transformers makes below {limit:.0f} tokens a second\n"
    )
    figures = {
        "clock": "processor time, one thread",
        "model": "GPT-2 with " + ", ".join(f"{k} {v}" for k, v in SIZES.items()),
        "tokens_per_second": {
            str(new): {name: round(rate) for name, rate in row.items()}
            for new, row in speed.items()
        },
        "lengths": LENGTHS,
        "milliseconds_cached": [round(ms, 4) for ms in kept.values()],
        "milliseconds_uncached": [round(ms, 3) for ms in cost[False].values()],
        "slope_microseconds_per_1000_tokens": round(slope),
        "both_targets_only_if_transformers_makes_below": round(limit),
    }
    packages = ["torch", "transformers", "numpy"]
    conclude("generation", figures, targets(figures), packages, by_processor=True)


if __name__ == "__main__":
    main()
