"""LoRA against peft; merged, taken out, saved apart."""

from dataclasses import replace

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lib.finetune import lora
from lib.finetune.classifier import Classifier
from lib.generate import GREEDY, generate
from lib.measure.diversity import surprises
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.train.sampled_softmax import sampled_loss
from tests.helpers.models import PRESETS, TINY

CLOSE = {"atol": 1e-5, "rtol": 0}
EVERYWHERE = tuple(
    "to_query to_key to_value to_output to_gate to_hidden tokens".split()
)
IDS = torch.tensor([[1, 5, 3, 3], [0, 10, 2, 7]])


def model(seed=0, config=TINY):
    torch.manual_seed(seed)
    return Classifier(Encoder(replace(config, tied=False, init_std=0.3)), 2).eval()


def adapted(names=EVERYWHERE, rank=3, alpha=6.0, seed=0):
    """A model whose adapters have learned something."""
    net = model(seed).requires_grad_(False)
    net.head.requires_grad_(True)
    lora.adapt(net, names, rank, alpha)
    for weight in net.parameters():
        if weight.requires_grad:
            nn.init.normal_(weight, std=0.3)
    return net


@pytest.mark.parametrize("rank, alpha", [(1, 1.0), (4, 16.0), (16, 8.0)])
def test_equals_peft(rank, alpha):
    """The same weights in peft's adapters, on linear layers and the embedding."""
    ours = adapted(EVERYWHERE, rank, alpha)
    settings = peft.LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=[*EVERYWHERE], bias="none"
    )
    base = model()
    base.head.load_state_dict(ours.head.state_dict())
    theirs = peft.get_peft_model(base, settings).eval()
    inner = theirs.base_model.model
    with torch.no_grad():
        for path, adapter in lora.adapters(ours):
            layer = inner.get_submodule(path)
            if isinstance(adapter, lora.EmbeddingAdapter):
                layer.lora_embedding_A["default"].copy_(adapter.down)
                layer.lora_embedding_B["default"].copy_(adapter.up)
            else:
                layer.lora_A["default"].weight.copy_(adapter.down)
                layer.lora_B["default"].weight.copy_(adapter.up)
    assert (ours(IDS) - base_scores(ours)).abs().max() > 0.01
    torch.testing.assert_close(ours(IDS), theirs(IDS), **CLOSE)
    theirs.merge_adapter()
    lora.merge(ours)
    torch.testing.assert_close(ours(IDS), theirs(IDS), **CLOSE)
    sizes = [weight.numel() for _, weight in inner.named_parameters()]
    assert sum(sizes) == sum(weight.numel() for weight in ours.parameters())


def base_scores(net):
    plain = model()
    plain.head.load_state_dict(net.head.state_dict())
    return plain(IDS)


def test_a_fresh_adapter_changes_nothing():
    net = model()
    nn.init.normal_(net.head.weight)
    before = net(IDS)
    assert lora.adapt(net, ["to_query", "tokens"]) == [
        "body.embed.tokens",
        "body.blocks.0.attention.part.to_query",
        "body.blocks.1.attention.part.to_query",
    ]
    assert net(IDS).equal(before)


def test_only_adapters_learn():
    net = adapted()
    net.head.requires_grad_(False)
    net(IDS).square().sum().backward()
    learned = {
        n.split(".")[-1] for n, w in net.named_parameters() if w.grad is not None
    }
    assert learned == {"down", "up"}
    assert all(a.up.grad.any() and a.down.grad.any() for _, a in lora.adapters(net))


def test_merged_unmerged_and_unloaded():
    net = adapted()
    plain = {n: a.layer.weight.clone() for n, a in lora.adapters(net)}
    scores = net(IDS)
    lora.merge(net)
    lora.merge(net)  # a second time adds nothing
    torch.testing.assert_close(net(IDS), scores, **CLOSE)
    lora.unmerge(net)
    torch.testing.assert_close(net(IDS), scores, **CLOSE)
    for name, adapter in lora.adapters(net):
        torch.testing.assert_close(adapter.layer.weight, plain[name], **CLOSE)
    lora.merge(net)
    lora.unload(net)
    assert not [*lora.adapters(net)]
    assert net.state_dict().keys() == model().state_dict().keys()
    torch.testing.assert_close(net(IDS), scores, **CLOSE)


def test_adapters_are_saved_apart_with_the_head(tmp_path):
    net, other = adapted(), adapted(seed=0)
    for _, adapter in lora.adapters(other):
        nn.init.zeros_(adapter.down)
    scores, path = net(IDS), tmp_path / "adapters.safetensors"
    lora.save(net, path)
    assert {name.split(".")[-1] for name in load_file(path)} == {
        *("down", "up", "weight", "bias")  # the last two are the head's
    }
    assert path.stat().st_size < 20_000
    lora.merge(other)
    lora.load(other, path)
    torch.testing.assert_close(other(IDS), scores, **CLOSE)


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    net, path = adapted(), tmp_path / "adapters.safetensors"
    lora.save(net, path)
    before = {name: weight.clone() for name, weight in net.named_parameters()}
    with pytest.raises(ValueError, match=r"has adapters .*the model has"):
        lora.load(adapted(["to_query"]), path)
    with pytest.raises(ValueError, match=r"has adapters .*the model has"):
        lora.load(adapted(rank=2), path)
    wider = replace(TINY, vocab=12)
    other = model(config=wider)
    other.requires_grad_(False).head.requires_grad_(True)
    lora.adapt(other, EVERYWHERE, 3, 6.0)
    with pytest.raises(ValueError, match=r"has weights .*the model has"):
        lora.load(other, path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="damaged or no safetensors"):
        lora.load(net, path)
    save_file({"x": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="not of the format"):
        lora.load(net, path)
    assert all(w.equal(before[name]) for name, w in net.named_parameters())


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match=r"embeddings, got \['nowhere', 'norm'\]"):
        lora.adapt(model(), ["to_query", "nowhere", "norm"])
    for rank, alpha in ((0, 1.0), (4, 0.0)):
        with pytest.raises(ValueError, match=f"rank={rank}, alpha={alpha}"):
            lora.adapt(model(), rank=rank, alpha=alpha)
    with pytest.raises(ValueError, match="it has some already"):
        lora.adapt(adapted())
    with pytest.raises(ValueError, match="it has none"):
        lora.save(model(), "nowhere")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_gpt_takes_adapters_too(preset):
    net = GPT(PRESETS[preset]).eval()
    before = net(IDS)
    assert len(lora.adapt(net)) == 2 * len(net.blocks)
    assert net(IDS).equal(before)


OUTPUT = ("tokens", "unembed")
TEXT = torch.tensor([1, 5, 3, 3, 7])


def reader(tied, names=OUTPUT, body=GPT):
    """A language model whose adapters, at its output too, have learned something."""
    torch.manual_seed(0)
    net = body(replace(TINY, tied=tied, init_std=0.3)).eval().requires_grad_(False)
    lora.adapt(net, names, 2, 4.0)
    for _, adapter in lora.adapters(net):
        nn.init.normal_(adapter.down, std=0.3)
        nn.init.normal_(adapter.up, std=0.3)
    return net


def written_out(net):
    """The same model without adapters: their matrices, written out."""
    plain = type(net)(replace(net.config, tied=False)).eval()
    matrices = {name: each.weight for name, each in lora.adapters(net)}
    with torch.no_grad():
        for name, weight in plain.named_parameters():
            layer = name.rpartition(".")[0]
            adapted = matrices.get(layer)
            weight.copy_(net.get_parameter(name) if adapted is None else adapted)
    return plain


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("names", [("unembed",), ("tokens",), OUTPUT])
def test_an_adapted_output_is_what_counts_everywhere(tied, names):
    net = reader(tied, names)
    plain = written_out(net)
    expected = plain(TEXT[None])
    torch.testing.assert_close(net(TEXT[None]), expected, **CLOSE)
    found, losses = surprises(net, TEXT), surprises(plain, TEXT)
    torch.testing.assert_close(found, losses, **CLOSE)
    ours, theirs = (generate(each, TEXT, 6, GREEDY) for each in (net, plain))
    assert ours.tolist() == theirs.tolist()
    lora.merge(net)
    torch.testing.assert_close(net(TEXT[None]), expected, **CLOSE)
    lora.unmerge(net)
    torch.testing.assert_close(net(TEXT[None]), expected, **CLOSE)


@pytest.mark.parametrize("tied", [True, False])
def test_a_sampled_loss_teaches_an_adapted_output(tied):
    net = reader(tied, body=Encoder)
    chances = torch.full((11,), 1 / 11)
    batch = (TEXT[None], TEXT[None], torch.arange(11))
    loss = sampled_loss(net, batch, chances)
    torch.testing.assert_close(
        loss, sampled_loss(written_out(net), batch, chances), **CLOSE
    )
    loss.backward()
    assert all(a.up.grad.any() and a.down.grad.any() for _, a in lora.adapters(net))


def test_a_tied_matrix_is_left_alone_and_tied_again():
    net = reader(tied=True)
    table = net.embed.tokens.layer.weight
    before = table.clone()
    lora.merge(net)
    assert table.equal(before)
    assert not net.unembed.weight.equal(net.embed.tokens.weight)
    lora.unmerge(net)
    assert net.unembed.layer.weight is net.embed.tokens.layer.weight is table
    assert table.equal(before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_adapters_take_every_precision(dtype):
    net = adapted()
    expected = net(IDS)
    net.to(dtype)
    close = {"atol": 0.1, "rtol": 0.1, "check_dtype": False}
    torch.testing.assert_close(net(IDS), expected, **close)
    lora.merge(net)
    torch.testing.assert_close(net(IDS), expected, **close)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(adapted()(IDS), expected, **close)


def test_a_compiled_model_saves_what_the_plain_one_loads(tmp_path):
    net, path = adapted(), tmp_path / "new folder" / "adapters.safetensors"
    scores = net(IDS)
    wrapped = torch.compile(net, backend="eager")
    lora.save(wrapped, path)
    other = adapted(seed=0)
    for _, adapter in lora.adapters(other):
        nn.init.zeros_(adapter.down)
    lora.load(other, path)
    torch.testing.assert_close(other(IDS), scores, **CLOSE)
    lora.unload(wrapped)
    assert not [*lora.adapters(net)]
    fresh = torch.compile(model(), backend="eager")
    assert lora.adapt(fresh, "tokens") == ["body.embed.tokens"]
