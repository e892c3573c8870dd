"""A GPT on one GPU: the book's beside that of `transformers`, on the same card.

    python -m benchmarks.gpu            at most 4 minutes, on an NVIDIA GPU
    python -m benchmarks.gpu --check    exits 1 if a target is missed
    python -m benchmarks.gpu --toy      tiny sizes, on the CPU too; stores nothing

Training: one step (forward, loss, backward, fused AdamW) of GPT-2's architecture at
three sizes, by this book's `GPT` and by `GPT2LMHeadModel`, which start from the same
weights and use PyTorch's fused attention. Each in float32 (products in full float32),
in TF32 (products of float32 numbers cut to 10 bits after the point), under autocast to
half precision (bfloat16 where the card computes in it, else float16), and in half
precision with every block compiled. "The book's loop" is `lib.train.take_step`: it also
fetches the batch, clips the gradient, and keeps the last good weights.

The share of the peak is the work of the matrix products (`lib.model.count`) over what
one product of two large matrices reaches on this card in the same precision, measured
in the same run; the figure that its maker publishes stands beside it.

Generation: both continue the same random prompts greedily, with their caches, at
GPT-2's size in float32.

Time to a loss: the book's recipe of `benchmarks.time_to_loss`, unchanged, on the card.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import mean, median
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks import Target, conclude, time_to_loss
from lib import train
from lib.generate import GREEDY, generate
from lib.hub.huggingface import from_hf
from lib.model import count
from lib.model.config import GPT2, GPTConfig
from lib.model.gpt import GPT
from lib.train.precision import half_type, loss_scaler

BOOK, LOOP, THEIRS = "this book", "this book's loop", "transformers"
COMPILED = "half, compiled"
PRECISIONS = ("float32", "tf32", "half")
# Dense half-precision TFLOP/s that the makers publish for the bare chip.
PUBLISHED = {"H100": 989, "H200": 989, "A100": 312, "L4": 121, "T4": 65, "V100": 125}
ROUNDS = 3
NO_ROOM = 0.0  # in place of a speed: the card's memory was too small


class Size(NamedTuple):
    """A model and the batch that it is trained with."""

    config: GPTConfig
    batch: int
    time: int


@dataclass
class Plan:
    """What is measured, on what, and for how long."""

    device: torch.device
    sizes: dict[str, Size]
    writer: GPTConfig  # the model that generates
    side: int  # rows and columns of the matrices whose product is the peak
    box: float  # seconds for one round of steps
    new_tokens: int
    together: tuple[int, ...]  # prompts that are continued together
    steps: int  # of the recipe
    seeds: tuple[int, ...]
    text: int | None  # tokens that the recipe learns from and is measured on; None: all
    backend: str  # of torch.compile
    limit: float  # seconds after which nothing more is compiled
    began: float = field(default_factory=time.perf_counter)

    @property
    def half(self) -> torch.dtype:
        """What the loop takes for it on this card."""
        return half_type("half", self.device)

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def seconds(self) -> float:
        """Since the beginning, once all work on the device is done."""
        if self.cuda:
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - self.began


def on_a_card() -> Plan:
    """GPT-2's architecture at the width of the book's models, at 384, and as it was."""
    card = torch.device("cuda")
    large = torch.cuda.get_device_properties(card).total_memory > 40e9
    small = replace(GPT2, vocab=512, context=256, width=128, layers=4, heads=4)
    return Plan(
        device=card,
        sizes={
            "width 128": Size(small, 64, 256),
            "width 384": Size(replace(small, width=384, layers=6, heads=6), 64, 256),
            "GPT-2 124M": Size(GPT2, 16 if large else 4, 1024),
        },
        writer=GPT2,
        side=8192,
        box=0.5,
        new_tokens=128,
        together=(1, 32),
        steps=time_to_loss.STEPS,
        seeds=time_to_loss.SEEDS,
        text=None,
        backend="inductor",
        limit=170,
    )


def toy() -> Plan:
    """The same work so small that a CPU does it in seconds."""
    tiny = replace(GPT2, vocab=64, context=32, width=16, layers=2, heads=2)
    return Plan(
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        sizes={
            "tiny": Size(tiny, 2, 16),
            "wider": Size(replace(tiny, width=32), 2, 16),
        },
        writer=tiny,
        side=64,
        box=0.01,
        new_tokens=6,
        together=(1, 3),
        steps=3,
        seeds=(0, 1),
        text=2000,
        backend="eager",
        limit=60,
    )


def rate(plan: Plan, step: Callable[[], object]) -> float:
    """How many times a second: the median of some rounds of `plan.box` seconds."""
    for _ in range(3):
        step()
    before = plan.seconds()
    step()
    many = max(2, round(plan.box / (plan.seconds() - before)))
    rates = []
    for _ in range(ROUNDS):
        before = plan.seconds()
        for _ in range(many):
            step()
        rates.append(many / (plan.seconds() - before))
    return median(rates)


@contextmanager
def precision(plan: Plan, name: str) -> Iterator[None]:
    """Inside this, products are done in that precision."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    half = name in ("half", COMPILED)
    try:
        with torch.autocast(plan.device.type, plan.half, enabled=half):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def peaks(plan: Plan) -> dict[str, float]:
    """TFLOP/s of one large matrix product, by precision."""
    a, b = torch.randn(2, plan.side, plan.side, device=plan.device)
    found = {}
    for name in PRECISIONS:
        kind = plan.half if name == "half" else torch.float32
        x = a.to(kind)
        y = b.to(kind)
        with precision(plan, name), torch.autocast(plan.device.type, enabled=False):
            found[name] = 2 * plan.side**3 * rate(plan, lambda x=x, y=y: x @ y) / 1e12
    return found


class Scores(nn.Module):
    """Lets a model of `transformers` answer like the book's: with scores alone."""

    def __init__(self, model: GPT2LMHeadModel):
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(ids, use_cache=False).logits


def opponents(config: GPTConfig, device: torch.device) -> tuple[GPT, GPT2LMHeadModel]:
    """The same GPT-2 twice, with the same random weights."""
    torch.manual_seed(0)
    c = config
    sizes = {"vocab_size": c.vocab, "n_positions": c.context, "n_embd": c.width}
    sizes |= {"n_layer": c.layers, "n_head": c.heads}
    drops = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    foreign = GPT2Config(**sizes, **drops, attn_implementation="sdpa")
    theirs = GPT2LMHeadModel(foreign)
    ours = from_hf(theirs.state_dict(), theirs.config)
    return ours.to(device), theirs.to(device)


def step_of(plan: Plan, model: nn.Module, size: Size, name: str) -> Callable[[], None]:
    """What is timed: one step of training."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    shape = (2, size.batch, size.time)
    x, y = torch.randint(size.config.vocab, shape, device=plan.device)
    half = plan.half if name in ("half", COMPILED) else None
    scaler = loss_scaler(half, plan.device)

    def step() -> None:
        with precision(plan, name):
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return step


def loop_of(plan: Plan, model: GPT, size: Size) -> Callable[[], object]:
    """One step of the book's loop, in half precision, batch and all."""
    ids = torch.randint(size.config.vocab, (100_000,))
    batches = train.windows(ids, size.batch, size.time)
    optimizer = train.adamw(model, 1e-4)
    run = train.Run(model, optimizer, batches, 10**6, precision="half")
    return lambda: train.take_step(run)


def tokens(plan: Plan, size: Size, make: Callable[[], Callable]) -> float:
    """Tokens a second of a step; `NO_ROOM` where the card is too small for it."""
    try:
        return size.batch * size.time * rate(plan, make())
    except torch.OutOfMemoryError:
        return NO_ROOM
    finally:
        if plan.cuda:
            torch.cuda.empty_cache()


def blocks(model: nn.Module) -> nn.ModuleList:
    """The stack of a GPT, of ours or of theirs."""
    return model.blocks if isinstance(model, GPT) else model.model.transformer.h


def training(plan: Plan) -> dict[str, dict]:
    """Tokens a second at each size, by contestant and precision."""
    found = {}
    for name, size in plan.sizes.items():
        ours, theirs = opponents(size.config, plan.device)
        models = {BOOK: ours, THEIRS: Scores(theirs)}
        speeds = {
            who: {
                kind: tokens(
                    plan, size, lambda m=m, k=kind, s=size: step_of(plan, m, s, k)
                )
                for kind in PRECISIONS
            }
            for who, m in models.items()
        }
        made = tokens(plan, size, lambda m=ours, s=size: loop_of(plan, m, s))
        speeds[LOOP] = {"half": made}
        for who, model in models.items():
            speeds[who] |= compiled(plan, model, size)
        found[name] = describe(size, speeds)
        print(name, found[name]["tokens_per_second"], flush=True)
    return found


def compiled(plan: Plan, model: nn.Module, size: Size) -> dict[str, float]:
    """The speed once each block is compiled; nothing where time is short.

    All blocks are alike, so one is compiled and the others use it.
    """
    if plan.seconds() > plan.limit:
        return {}
    for block in blocks(model):
        block.compile(backend=plan.backend)
    return {COMPILED: tokens(plan, size, lambda: step_of(plan, model, size, COMPILED))}


def describe(size: Size, speeds: dict[str, dict[str, float]]) -> dict:
    """A size's entry in the stored figures."""
    return {
        "batch": [size.batch, size.time],
        "flops_per_token": 3
        * sum(count.flops(size.config, size.batch, size.time).values())
        // (size.batch * size.time),
        "parameters": sum(count.parameters(size.config).values()),
        "tokens_per_second": {
            who: {kind: round(speed) for kind, speed in each.items()}
            for who, each in speeds.items()
        },
    }


def by_transformers(model: GPT2LMHeadModel, prompts: Tensor, many: int) -> Tensor:
    """Their greedy continuation, with their cache."""
    return model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=many,
        do_sample=False,
        use_cache=True,
        eos_token_id=None,
        pad_token_id=0,
    )


def generation(plan: Plan) -> dict[str, dict]:
    """New tokens a second, and the share of tokens that both chose alike."""
    ours, theirs = (model.eval() for model in opponents(plan.writer, plan.device))
    found = {}
    for together in plan.together:
        shape = (together, min(32, plan.writer.context // 2))
        prompts = torch.randint(plan.writer.vocab, shape, device=plan.device)
        rows = list(prompts) if together > 1 else prompts[0]
        by_book = timed(plan, lambda n, r=rows: generate(ours, r, n, GREEDY))
        by_them = timed(plan, lambda n, p=prompts: by_transformers(theirs, p, n))
        texts = torch.stack(by_book.texts) if together > 1 else by_book.texts[None]
        new = texts[:, shape[1] :] == by_them.texts[:, shape[1] :]
        found[str(together)] = {
            BOOK: round(together * by_book.rate),
            THEIRS: round(together * by_them.rate),
            "same_tokens": round(new.float().mean().item(), 3),
        }
        print(f"generation of {together}: {found[str(together)]}", flush=True)
    return found


class Written(NamedTuple):
    """Texts, and how many tokens of each were written in a second."""

    texts: Tensor | list[Tensor]
    rate: float


def timed(plan: Plan, write: Callable[[int], Tensor | list[Tensor]]) -> Written:
    """Let a model write, after a little to warm up; the median of three times."""
    write(4)
    times = []
    for _ in range(ROUNDS):
        before = plan.seconds()
        texts = write(plan.new_tokens)
        times.append(plan.seconds() - before)
    return Written(texts, plan.new_tokens / median(times))


def to_the_loss(plan: Plan) -> dict:
    """The book's recipe on the plays, with each seed: held-out nats, and seconds."""
    ids, held_out, vocab = time_to_loss.texts()
    ids = ids[: plan.text]
    held_out = held_out[: plan.text]
    recipe = replace(time_to_loss.recipes(vocab)["book"], steps=plan.steps)
    warm_up = replace(recipe, steps=3)
    time_to_loss.carry_out(warm_up, ids, held_out[:2000], seed=9, device=plan.device)
    outcomes = [
        time_to_loss.carry_out(recipe, ids, held_out, seed, plan.device)
        for seed in plan.seeds
    ]
    return {
        "held_out_nats": [round(outcome.loss, 4) for outcome in outcomes],
        "seconds": [round(outcome.wall, 2) for outcome in outcomes],
        "steps": recipe.steps,
        "tokens": recipe.tokens,
    }


def measure(plan: Plan) -> dict:
    """All figures; what is compiled comes last, and not at all when time is short."""
    found = {
        "card": torch.cuda.get_device_name(plan.device) if plan.cuda else "none",
        "cuda": torch.version.cuda or "none",
        "half": str(plan.half).removeprefix("torch."),
        "peak_tflops": {name: round(p, 3) for name, p in peaks(plan).items()},
        "generation": generation(plan),
        "time_to_loss": to_the_loss(plan),
        "training": training(plan),
    }
    found["published_half_tflops"] = published(found["card"])
    for each in found["training"].values():
        each["share_of_peak"] = shares(each, found["peak_tflops"])
    found["seconds"] = round(plan.seconds())
    return found


def published(card: str) -> int | None:
    """The maker's figure, by the chip's name among the words of the card's."""
    words = card.replace("-", " ").split()
    return next((PUBLISHED[word] for word in words if word in PUBLISHED), None)


def shares(size: dict, peak: dict[str, float]) -> dict[str, dict[str, float]]:
    """Which share of the measured peak each contestant's products come to."""
    return {
        who: {
            kind: round(
                speed
                * size["flops_per_token"]
                / 1e12
                / peak["half" if kind == COMPILED else kind],
                3,
            )
            for kind, speed in speeds.items()
        }
        for who, speeds in size["tokens_per_second"].items()
    }


def targets(figures: dict) -> list[Target]:
    """What is promised: no slower than theirs, faster in half precision, as good."""
    largest = max(figures["training"].values(), key=lambda size: size["parameters"])
    ours, theirs = (largest["tokens_per_second"][who] for who in (BOOK, THEIRS))
    found = [
        Target(f"training, {kind}", ours[kind] / theirs[kind], 1, f"times {THEIRS}")
        for kind in (*PRECISIONS, COMPILED)
        if ours.get(kind) and theirs.get(kind)
    ]
    found += [
        Target(f"generation of {n}", each[BOOK] / each[THEIRS], 1, f"times {THEIRS}")
        for n, each in figures["generation"].items()
    ]
    nats = mean(figures["time_to_loss"]["held_out_nats"])
    faster = ours["half"] / ours["float32"]
    found.append(Target("half precision", faster, 2, "times float32"))
    found.append(Target("the recipe's loss", nats, 1.85, "nats", at_most=True))
    return found


def report(figures: dict) -> None:
    print(f"{figures['card']}: peak {figures['peak_tflops']} TFLOP/s")
    for name, size in figures["training"].items():
        print(f"\n{name}, tokens/s{'share of the peak':>40}")
        for who, speeds in size["tokens_per_second"].items():
            for kind, speed in speeds.items():
                share = size["share_of_peak"][who][kind]
                print(f"  {who:18}{kind:16}{speed:12,}{share:14.1%}")
    print(f"\ntime to the loss: {figures['time_to_loss']}")
    print(f"{figures['seconds']} seconds in all\n")


def main(arguments: list[str]) -> None:
    if "--toy" in arguments:
        figures = measure(toy())
        report(figures)
        print(*targets(figures), sep="\n")
        return
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no NVIDIA GPU here; --toy runs the same on a CPU.")
    figures = measure(on_a_card())
    report(figures)
    conclude("gpu", figures, targets(figures), packages=("torch", "transformers"))


if __name__ == "__main__":
    main(sys.argv[1:])
