"""Runs on a GPU? Proven where there is none: fake tensors carry a device but no data.

A tensor made on the CPU by mistake meets one on the fake GPU and raises.
"""

from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from lib import train, vectors
from lib.fast.as_built import as_built
from lib.finetune import classifier, layers, lora
from lib.generate.loop import next_tokens
from lib.generate.reader import make_reader
from lib.generate.sampling import Sampling
from lib.inside import attribution, hooks, logit_lens
from lib.instruct.packing import example_loss
from lib.instruct.small import likeliest
from lib.model import attention, masks, positions
from lib.model.attention_only import AttentionOnly
from lib.model.block import DecoderBlock, PreNorm
from lib.model.encoder import Encoder
from lib.model.feedforward import FEED_FORWARDS
from lib.model.gpt import GPT
from lib.train.optimizers import OPTIMIZERS
from lib.train.row_adagrad import RowAdagrad
from lib.train.sampled_softmax import sampled_loss
from tests.helpers.models import PRESETS

_setup_privateuseone_for_python_backend("fakegpu")
GPU = "fakegpu"


@pytest.fixture(autouse=True)
def fake():
    with FakeTensorMode():
        yield


def train_step(model):
    """Forward pass, loss, backward pass and optimizer step on the fake GPU."""
    state = {
        name: torch.empty(
            value.shape,
            dtype=value.dtype,
            device=GPU,
            requires_grad=value.is_floating_point(),
        )
        for name, value in [*model.named_parameters(), *model.named_buffers()]
    }
    ids = torch.zeros(2, 8, dtype=torch.long, device=GPU)
    logits = torch.func.functional_call(model, state, (ids,))
    train.next_token_loss(logits, ids).backward()
    weights = [value for value in state.values() if value.requires_grad]
    torch.optim.AdamW(weights).step()
    return {value.grad.device.type for value in weights}


@pytest.mark.parametrize("rotary", [True, False])
def test_the_model_stays_on_its_device(rotary):
    assert train_step(AttentionOnly(10, 16, 4, layers=2, rotary=rotary)) == {GPU}


@pytest.mark.parametrize("preset", PRESETS)
def test_gpt_stays_on_its_device(preset):
    assert train_step(GPT(PRESETS[preset])) == {GPU}


def test_muon_stays_on_the_device():
    with torch.device(GPU):
        net = GPT(PRESETS["small"])
        ids = torch.zeros(2, 8, dtype=torch.long)
    optimizer = train.muon(net, fused=False)
    train.next_token_loss(net(ids), ids).backward()
    optimizer.step()
    means = [state["mean"] for state in optimizer.state.values() if "mean" in state]
    assert {mean.device.type for mean in means} == {GPU}


@pytest.mark.parametrize("preset", PRESETS)
def test_gpt_shows_itself_on_its_device(preset):
    with torch.device(GPU):
        net = GPT(PRESETS[preset])
        ids = torch.zeros(2, 8, dtype=torch.long)
    assert hooks.attention_weights(net, ids).device.type == GPU
    stream = hooks.residual_stream(net, ids)
    assert {x.device.type for x in stream.values()} == {GPU}
    guesses = logit_lens.read_out(net, ids)
    assert {x.device.type for x in guesses.values()} == {GPU}


@pytest.mark.parametrize("preset", PRESETS)
def test_the_encoder_stays_on_its_device(preset):
    assert train_step(Encoder(PRESETS[preset])) == {GPU}
    with torch.device(GPU):
        net, ids = Encoder(PRESETS[preset]), torch.zeros(2, 8, dtype=torch.long)
    for ask in (net, net.vectors):
        assert ask(ids, [8, 3]).device.type == GPU


@pytest.mark.parametrize("kind", FEED_FORWARDS)
def test_the_decoders_block_stays_on_its_device(kind):
    with torch.device(GPU):
        parts = [attention.MultiHeadAttention(8, 2) for _ in range(2)]
        parts.append(FEED_FORWARDS[kind](8, 12, True))
        block = DecoderBlock(*(PreNorm(part, torch.nn.RMSNorm(8)) for part in parts))
        x, context = torch.zeros(1, 4, 8), torch.zeros(1, 6, 8)
    mask = masks.causal_mask(4, device=GPU)
    assert block(x, context, mask).device.type == GPU


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_stays_on_the_device(optimizer, monkeypatch):
    """The whole loop, with batches from the CPU; `item` must be faked as well."""
    monkeypatch.setattr(torch.Tensor, "item", lambda self: 1.0)
    half = {"get_amp_supported_dtype": lambda: [torch.bfloat16]}
    monkeypatch.setattr(torch, GPU, SimpleNamespace(**half, **vars(torch.fakegpu)))
    with torch.device(GPU):
        net = GPT(PRESETS["small"])
    batches = [(torch.zeros(2, 8).long(), torch.zeros(2, 8).long())] * 4
    rule = OPTIMIZERS[optimizer](net, 0.01)
    hooks = [train.Evaluate(1, batches), train.EarlyStopping(9)]
    history = train.train(net, rule, batches, 2, callbacks=hooks, accumulate=2)
    assert history.losses == [2.0, 2.0] and history.held_out == [(1, 1.0), (2, 1.0)]
    kept = [value for state in rule.state.values() for value in state.values()]
    kept = [value for value in kept if isinstance(value, torch.Tensor)]
    assert kept and {value.device.type for value in [*kept, *net.parameters()]} == {GPU}


class Stray(AttentionOnly):
    """The mistake that the check must see: a position made without `device=`."""

    def forward(self, ids):
        return super().forward(ids) + torch.arange(ids.size(1))[None, :, None]


def test_the_check_can_fail():
    with pytest.raises(RuntimeError, match="same device"):
        train_step(Stray(10, 16, heads=4, layers=2))


def test_word_vectors_stay_on_the_device():
    model = vectors.SkipGram(10, 8)
    state = {
        name: torch.empty(value.shape, device=GPU, requires_grad=True)
        for name, value in model.named_parameters()
    }
    words = torch.zeros(4, dtype=torch.long, device=GPU)
    others = torch.zeros(4, 6, dtype=torch.long, device=GPU)
    scores = torch.func.functional_call(model, state, (words, others))
    vectors.negative_sampling_loss(scores).backward()
    assert {value.grad.device.type for value in state.values()} == {GPU}
    table = state["word.weight"].detach()
    assert vectors.cosines(table, table).device.type == GPU


def test_word_vectors_from_whole_texts_stay_on_the_device():
    with torch.device(GPU):
        model = vectors.SkipGram(10, 8)
        batch = torch.zeros(2, 6, dtype=torch.long), torch.zeros(4, dtype=torch.long)
    optimizer = RowAdagrad(model.parameters())
    vectors.negative_sampling_of_texts(model, batch, 2, 5).backward()
    optimizer.step()
    kept = [state["sum"] for state in optimizer.state.values()]
    kept += [table.grad for table in model.parameters()]
    assert len(kept) == 4 and {each.device.type for each in kept} == {GPU}


def test_the_sampled_softmax_stays_on_the_device():
    """How many places are hidden depends on data: these fakes may leave it open."""
    with FakeTensorMode(shape_env=ShapeEnv()):
        with torch.device(GPU):
            net = Encoder(PRESETS["small"])
            ids, drawn = torch.zeros(2, 8).long(), torch.zeros(5).long()
        chances = torch.ones(net.config.vocab)  # counted on the CPU
        sampled_loss(net, (ids, ids, drawn), chances).backward()
    learned = [w.grad.device.type for w in net.parameters() if w.grad is not None]
    assert learned and {*learned} == {GPU}


def test_instructions_are_learned_and_asked_on_the_device():
    """How many tokens are asked depends on data; what is asked comes from the CPU."""
    with FakeTensorMode(shape_env=ShapeEnv()):
        with torch.device(GPU):
            net = GPT(PRESETS["small"])
            batch = tuple(torch.zeros(2, 8).long() for _ in range(3))
        example_loss(net, batch).backward()
        assert likeliest(net, torch.zeros(2, 8).long()).device.type == "cpu"
    assert {weight.grad.device.type for weight in net.parameters()} == {GPU}


def test_masks_are_made_on_the_device():
    causal = masks.causal_mask(4, device=GPU)
    padding = masks.padding_mask([4, 2], 4, device=GPU)
    both = masks.combine_masks(causal, padding)
    assert {m.device.type for m in (causal, padding, both)} == {GPU}


def test_attention_stays_on_the_device():
    q = torch.empty(1, 2, 4, 8, device=GPU)
    mask = masks.causal_mask(4, device=GPU)
    for found in attention.scaled_dot_product(q, q, q, mask):
        assert found.device.type == GPU


def test_cross_attention_and_weights_stay_on_the_device():
    layer = attention.MultiHeadAttention(16, 4, kv_heads=2)
    state = {n: torch.empty(p.shape, device=GPU) for n, p in layer.named_parameters()}
    x, context = torch.empty(2, 5, 16, device=GPU), torch.empty(2, 7, 16, device=GPU)
    out = torch.func.functional_call(layer, state, (x, None, context))
    assert out.device.type == GPU


def test_positions_are_made_on_the_device():
    assert positions.sinusoidal(5, 8, device=GPU).device.type == GPU
    cos, sin = positions.cos_sin(torch.arange(5, device=GPU), dim=8)
    x = torch.empty(1, 2, 5, 8, device=GPU)
    assert positions.rotate(x, cos, sin).device.type == GPU


@pytest.mark.parametrize("body, pooling", [(Encoder, "weighted"), (GPT, "last")])
def test_heads_and_adapters_stay_on_the_device(body, pooling):
    with torch.device(GPU):
        net = classifier.Classifier(body(PRESETS["small"]), 2, pooling)
        ids = torch.zeros(2, 8, dtype=torch.long)
    net.requires_grad_(False).head.requires_grad_(True)
    lora.adapt(net, ["to_query", "to_value", "tokens"])
    optimizer = layers.layerwise_adamw(net, 0.01, fused=False)
    net(ids, [8, 5]).square().sum().backward()
    optimizer.step()
    learned = [w for w in net.parameters() if w.requires_grad]
    assert {w.grad.device.type for w in learned} == {GPU}
    lora.merge(net)
    assert net(ids).device.type == GPU


@pytest.mark.parametrize("body", [Encoder, GPT])
def test_attribution_stays_on_the_device(body, monkeypatch):
    """A fake tensor of one number keeps its value and cannot move: make it two."""

    def two_lengths(lengths, time, device):
        return masks.padding_mask([*lengths, time], time, device)[:-1]

    for place in ("lib.finetune.classifier", "lib.model.encoder"):
        monkeypatch.setattr(f"{place}.padding_mask", two_lengths)
    with torch.device(GPU):
        net = classifier.Classifier(body(PRESETS["small"]), 2)
        ids = torch.zeros(8, dtype=torch.long)
    for ask in ("gradient_times_input", "integrated_gradients", "occlusion"):
        assert getattr(attribution, ask)(net, ids).device.type == GPU


def test_a_tagger_stays_on_the_device():
    with torch.device(GPU):
        net = classifier.Tagger(Encoder(PRESETS["small"]), 3)
        ids = torch.zeros(2, 8, dtype=torch.long)
    assert net(ids, [8, 5]).device.type == GPU


@pytest.mark.parametrize("preset", PRESETS)
def test_generation_stays_on_the_device(preset, monkeypatch):
    """Drawing needs numbers, which fakes lack: a stub repeats the last token."""
    with torch.device(GPU):
        net = GPT(PRESETS[preset])
    seen = []

    def choose(self, logits, texts, generators):
        seen.append((logits.device.type, self.filtered(logits, texts).device.type))
        return texts[:, -1]

    monkeypatch.setattr(Sampling, "choose", choose)
    ids = torch.zeros(2, 4, dtype=torch.long, device=GPU)
    how = Sampling(0.5, 3, 0.9, 0.1, repetition_penalty=1.2)
    for cached in (True, False):
        reader = make_reader(net, [0, 2], cached)
        drawn = list(islice(next_tokens(reader, ids, how, []), 3))
        assert {tokens.device.type for tokens in drawn} == {"cpu"}
    assert len(seen) == 6 and set(seen) == {("cpu", "cpu")}


@pytest.mark.parametrize("preset", PRESETS)
def test_numpy_reads_no_model_on_a_device(preset):
    with torch.device(GPU):
        net = GPT(PRESETS[preset]).eval()
    assert not as_built(net)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_cache_is_on_the_device(preset):
    with torch.device(GPU):
        net = GPT(PRESETS[preset])
    for padding in ([0, 0], [0, 2]):
        cache = net.new_cache(padding)
        with torch.inference_mode():
            for time in (4, 1, 8, 1, 1, 1):
                ids = torch.zeros(2, time, dtype=torch.long, device=GPU)
                assert net(ids, cache).device.type == GPU
        cache.select([1, 0, 1])
        assert cache.kept.device.type == GPU
