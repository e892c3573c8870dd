"""Training speed: this book's GPT beside those of transformers and LLMs-from-scratch.

    python -m benchmarks.step_speed            about 1 minute
    python -m benchmarks.step_speed --check    exits 1 if a target is missed

One training step (forward, loss, backward, AdamW) of GPT-2's architecture at one size,
on one thread, by
- this book's `GPT`, whose linear layers ask oneDNN (`lib.fast.linear`), and once more
  with `nn.Linear`, to see what that is worth;
- `GPT2LMHeadModel` of the package `transformers`, with PyTorch's fused attention;
- `GPTModel` and `GPTModelFast` of the package `llms-from-scratch` (Apache 2.0). It is
  read from its pinned wheel and not installed: its requirements contradict the book's.
Theirs run as they come, and once more with this book's linear layers put into them.
The last row is the model of the book's own recipe, at the same size.

All take turns for many rounds; medians of the processor's time are given, which other
programs on the machine lengthen little. Matrix products (1,024 x 1,024, float32) are
timed in the same run: the fastest is the peak that the share in the table refers to.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import process_time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

from benchmarks import Target, conclude
from lib.data import corpora
from lib.fast import linear
from lib.fast.linear import Linear
from lib.model import count
from lib.model.config import GPT2, SMALL
from lib.model.gpt import GPT

CONFIG = replace(GPT2, vocab=512, context=1024, width=128, layers=4, heads=4)
RECIPE = replace(SMALL, vocab=512, context=1024)
BATCH, TIME, ROUNDS, WARM_UP, PEAK = 12, 64, 40, 3, 1024
LLMS = corpora.Wheel(
    "llms_from_scratch-1.0.19-py3-none-any.whl",
    83_264,
    "39f83e6c6ab8c26ee955adbe007b95a6b8357377cadecabfce64c0e5f7458919",
)
AVAILABLE = linear.ONEDNN
Step = Callable[[], None]


class Logits(nn.Module):
    """Lets a model of `transformers` answer like the others: with scores alone."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(ids, use_cache=False).logits


def huggingface() -> nn.Module:
    c = CONFIG
    sizes = {"vocab_size": c.vocab, "n_positions": c.context, "n_embd": c.width}
    sizes |= {"n_layer": c.layers, "n_head": c.heads}
    drops = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    config = GPT2Config(**sizes, **drops, attn_implementation="sdpa")
    return Logits(GPT2LMHeadModel(config))


def from_scratch(name: str) -> nn.Module:
    """A model out of the wheel: Python imports from a zip file as from a folder."""
    again = "python -m benchmarks.step_speed"
    wheel = str(corpora.fetch_wheel("llms-from-scratch", LLMS, again))
    if wheel not in sys.path:
        sys.path.append(wheel)
    from llms_from_scratch import ch04

    c = CONFIG
    sizes = {"vocab_size": c.vocab, "context_length": c.context, "emb_dim": c.width}
    sizes |= {"n_layers": c.layers, "n_heads": c.heads}
    return getattr(ch04, name)({**sizes, "drop_rate": 0.0, "qkv_bias": True})


def with_our_layers(model: nn.Module) -> nn.Module:
    """Put this book's linear layers into a model, with its weights."""
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear:
                layer.__class__ = Linear
            elif isinstance(layer, Conv1D):  # a linear layer with its matrix turned
                ours = Linear(*layer.weight.shape)
                ours.weight = nn.Parameter(layer.weight.detach().t().contiguous())
                ours.bias = layer.bias
                setattr(parent, name, ours)
    return model


def step_of(model: nn.Module, onednn: bool = True) -> Step:
    """What is timed: one step of training."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randint(CONFIG.vocab, (2, BATCH, TIME), generator=generator)

    def step() -> None:
        linear.ONEDNN = onednn and AVAILABLE
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def contenders() -> dict[str, Step]:
    return {
        "this book": step_of(GPT(CONFIG)),
        "this book, nn.Linear": step_of(GPT(CONFIG), onednn=False),
        "transformers": step_of(huggingface()),
        "transformers, our layers": step_of(with_our_layers(huggingface())),
        "GPTModel": step_of(from_scratch("GPTModel")),
        "GPTModel, our layers": step_of(with_our_layers(from_scratch("GPTModel"))),
        "GPTModelFast": step_of(from_scratch("GPTModelFast")),
        "GPTModelFast, our layers": step_of(
            with_our_layers(from_scratch("GPTModelFast"))
        ),
        "this book's recipe": step_of(GPT(RECIPE)),
    }


def seconds(step: Step) -> float:
    """Processor seconds that a call takes."""
    began = process_time()
    step()
    return process_time() - began


def products() -> dict[str, Step]:
    """The same large product by each library."""
    a, b = torch.randn(2, PEAK, PEAK)
    layer = Linear(PEAK, PEAK, bias=False)
    with torch.no_grad():
        layer.weight.copy_(b)
    return {
        "MKL": lambda: F.linear(a, b),
        "oneDNN": torch.no_grad()(lambda: layer(a)),
    }


def medians(steps: dict[str, Step]) -> dict[str, float]:
    """All in turns, so that a busy minute hits them alike: seconds a step."""
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    rounds = [
        {name: seconds(step) for name, step in steps.items()} for _ in range(ROUNDS)
    ]
    return {name: median(times[name] for times in rounds) for name in steps}


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps, multiply = contenders(), products()
    times = medians(steps | multiply)
    rates = {name: 2 * PEAK**3 / times[name] / 1e9 for name in multiply}
    peak = max(rates.values())
    speeds = {name: BATCH * TIME / times[name] for name in steps}
    work = 3 * sum(count.flops(CONFIG, BATCH, TIME).values())
    share = work / times["this book"] / 1e9 / peak
    print(f"{'':28}{'tokens/s':>9}{'ours / it':>11}")
    for name, speed in speeds.items():
        print(f"{name:28}{speed:9,.0f}{speeds['this book'] / speed:11.2f}")
    print(f"\nmatrix products, GFLOP/s: {rates}")
    print(f"this book's step: {share:.0%} of the peak\n")
    conclude(
        "step_speed",
        {
            "batch": [BATCH, TIME],
            "clock": "processor seconds, one thread",
            "gflops": {name: round(rate, 1) for name, rate in rates.items()},
            "share_of_peak": round(share, 3),
            "tokens_per_second": {name: round(s) for name, s in speeds.items()},
        },
        [
            Target(f"speed beside {name}", speeds["this book"] / speeds[name], 1.3, "x")
            for name in ("transformers", "GPTModel")
        ],
        packages=("torch", "transformers"),
    )


if __name__ == "__main__":
    main()
