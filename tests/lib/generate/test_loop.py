"""Generation: `transformers` writes the same, and the cache changes nothing."""

import inspect
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.data.ids import INTEGERS
from lib.generate.beam import Beams
from lib.generate.loop import GREEDY, generate, stream
from lib.generate.sampling import Sampling
from lib.hub.huggingface import from_hf
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.foreign import gpt2, llama
from tests.helpers.models import PRESETS, TINY, configs

NEXT = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
SMALL = {name: replace(config, init_std=0.3) for name, config in PRESETS.items()}


def ids(*lengths, vocab=61, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(vocab, (time,), generator=generator) for time in lengths]


def model(config=TINY, **changes):
    torch.manual_seed(0)
    return GPT(replace(config, init_std=0.3, **changes))


def certain(ids):
    """A table in which 1 follows 0, 2 follows 1, and 0 follows 2."""
    return NEXT[ids[:, -1:]].log()


@torch.no_grad()
def by_hand(net, prompt, steps):
    """Greedy tokens from the model alone, which reads everything every time."""
    for _ in range(steps):
        prompt = torch.cat([prompt, net(prompt[None])[0, -1:].argmax(-1)])
    return prompt


# --- parity with transformers


@pytest.mark.parametrize("theirs", [gpt2(), llama(), llama(num_key_value_heads=2)])
@pytest.mark.parametrize("cached", [True, False])
def test_greedy_equals_transformers(theirs, cached):
    ours = from_hf(theirs.state_dict(), theirs.config)
    for prompt in ids(1, 5, 17):
        expected = theirs.generate(
            prompt[None], max_new_tokens=15, do_sample=False, eos_token_id=None
        )[0]
        assert generate(ours, prompt, 15, GREEDY, cached=cached).equal(expected)


def test_greedy_equals_transformers_in_a_batch_of_different_lengths():
    theirs, prompts = llama(), ids(9, 4, 12)
    ours = from_hf(theirs.state_dict(), theirs.config)
    padded = torch.zeros(3, 12, dtype=torch.long)
    mask = torch.zeros_like(padded)
    for row, prompt in enumerate(prompts):
        padded[row, -len(prompt) :], mask[row, -len(prompt) :] = prompt, 1
    options = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None}
    expected = theirs.generate(padded, attention_mask=mask, **options)
    for text, prompt, row in zip(
        generate(ours, prompts, 20, GREEDY), prompts, expected, strict=True
    ):
        assert text.equal(torch.cat([prompt, row[12:]]))


def test_a_greedy_text_that_stops_equals_transformers():
    theirs, (prompt,) = gpt2(), ids(5)
    ours = from_hf(theirs.state_dict(), theirs.config)
    stop = generate(ours, prompt, 12, GREEDY)[-1].item()
    expected = theirs.generate(
        prompt[None], max_new_tokens=30, do_sample=False, eos_token_id=stop
    )[0]
    found = generate(ours, prompt, 30, GREEDY, stop=[stop])
    assert found.equal(expected) and len(found) <= 17 and found[-1] == stop


ENDINGS = ([7, 30, 2], list(range(0, 61, 5)))


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize(
    "beams, penalty, ending",
    [  # texts of one length are in one order; with 1 beam it takes greedy search, which
        # is the same but for the end
        *product([1, 2, 5], [1.0], [None]),
        *product([2, 5], [0.0, 1.0, 2.5, -1.0], ENDINGS),
    ],
)
def test_beam_search_equals_transformers(make, beams, penalty, ending):
    theirs, (prompt,) = make(), ids(6, seed=beams)
    ours = from_hf(theirs.state_dict(), theirs.config)
    expected = theirs.generate(
        prompt[None],
        max_new_tokens=15,
        do_sample=False,
        num_beams=beams,
        length_penalty=penalty if beams > 1 else 0.0,
        eos_token_id=ending,
        pad_token_id=60,
    )[0]
    for cached in (True, False):
        found = generate(
            ours, prompt, 15, Beams(beams, penalty), stop=ending or (), cached=cached
        )
        assert found.equal(expected)


# --- with and without the cache


@given(configs, st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 9))
def test_the_cache_changes_no_token(config, lengths, seed):
    net, prompts = model(config), ids(*lengths, vocab=config.vocab, seed=seed)
    for strategy in (GREEDY, Sampling(0.7)):
        found = generate(net, prompts, 4, strategy, seed=seed)
        again = generate(net, prompts, 4, strategy, seed=seed, cached=False)
        assert [t.tolist() for t in found] == [t.tolist() for t in again]
    for prompt, text in zip(prompts, generate(net, prompts, 4, GREEDY), strict=True):
        assert text.equal(by_hand(net, prompt, 4))


@pytest.mark.parametrize("positions", ["rotary", "none"])
@pytest.mark.parametrize("lengths", [(3,), (3, 9), (20, 1, 30)])
def test_past_the_context_the_cache_changes_no_token(positions, lengths):
    net = model(positions=positions, kv_heads=2)
    prompts = ids(*lengths, vocab=11)
    found = generate(net, prompts, 30, GREEDY)
    again = generate(net, prompts, 30, GREEDY, cached=False)
    assert [t.tolist() for t in found] == [t.tolist() for t in again]


def test_past_the_context_the_future_of_an_old_token_is_decided():
    """What lies more than layers * (context - 1) tokens back has no more say."""
    net, (prompt,) = model(), ids(60, vocab=11)
    other = prompt.clone()
    other[: 60 - 2 * 11 - 1] = (other[: 60 - 2 * 11 - 1] + 1) % 11
    a, b = (generate(net, p, 20, GREEDY)[60:] for p in (prompt, other))
    assert a.equal(b)
    other[60 - 2 * 11] = (other[60 - 2 * 11] + 1) % 11
    assert not net(prompt[None])[0, -1].equal(net(other[None])[0, -1])


# --- texts in company, and one at a time


@pytest.mark.parametrize("name", SMALL)
def test_a_text_is_the_same_alone_and_in_company(name):
    net, prompts = model(SMALL[name]), ids(2, 7, 4, vocab=64)
    strategy = Sampling(0.9, top_p=0.95, repetition_penalty=1.1)
    together = generate(net, prompts, 8, strategy, seed=5)
    for i, (prompt, text) in enumerate(zip(prompts, together, strict=True)):
        assert generate(net, prompt, 8, strategy, seed=5 + i).equal(text)


def test_a_text_in_company_ends_at_its_own_stop():
    texts = generate(certain, [torch.tensor([n]) for n in range(3)], 5, stop=[0])
    assert [text.tolist() for text in texts] == [[0, 1, 2, 0], [1, 2, 0], [2, 0]]


@pytest.mark.parametrize("stop", [(), [3, 8]])
def test_a_stream_is_the_text_one_token_at_a_time(stop):
    net, (prompt,) = model(), ids(4, vocab=11)
    text = generate(net, prompt, 40, Sampling(), stop=stop, seed=2)
    tokens = stream(net, prompt, 40, Sampling(), stop=stop, seed=2)
    assert isinstance(next(tokens), int)
    assert [text[4].item(), *stream(net, text[:5], 39, seed=2)][:1] == [text[4].item()]
    assert list(tokens) == text[5:].tolist()


def test_a_stream_is_drawn_as_it_is_read():
    seen = []

    def predict(ids):
        seen.append(ids.size(1))
        return certain(ids)

    tokens = stream(predict, torch.tensor([0]), 10**9)
    assert not seen
    assert [next(tokens), next(tokens)] == [1, 2] and seen == [1, 2]


def test_seeds():
    net, (prompt,) = model(), ids(3, vocab=11)
    one, same, other = (generate(net, prompt, 20, seed=seed) for seed in (1, 1, 2))
    assert one.equal(same) and not one.equal(other)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    generate(net, prompt, 20)
    assert torch.get_rng_state().equal(state)  # the reader's own dice are left alone


def test_tokens_come_as_often_as_predicted():
    shares = torch.tensor([0.7, 0.2, 0.1])
    text = generate(lambda ids: shares.log().expand(1, 1, 3), torch.tensor([0]), 4000)
    found = torch.bincount(text, minlength=3) / len(text)
    torch.testing.assert_close(found, shares, atol=0.03, rtol=0)


def test_a_function_is_shown_the_whole_text():
    text = generate(certain, torch.tensor([2, 0]), 5)
    assert text.tolist() == [2, 0, 1, 2, 0, 1, 2]
    text = generate(certain, torch.tensor([2, 0]), 5, Beams(2))
    assert text.tolist() == [2, 0, 1, 2, 0, 1, 2]


# --- models that are wrapped, and other types of numbers


@pytest.fixture
def one_process(tmp_path):
    """A process group of one, so that DDP can wrap a model."""
    address = f"file://{tmp_path / 'group'}"
    torch.distributed.init_process_group("gloo", address, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("strategy", [GREEDY, Sampling(0.8), Beams(2)])
def test_a_wrapped_model_writes_the_same(strategy, one_process):
    """Past the context, and several prompts at a time, as the model itself."""
    net, prompts = model(), ids(3, 7, vocab=11)
    alone = generate(net, prompts[0], 15, strategy)
    together = generate(net, prompts, 15, strategy)
    compiled = torch.compile(net, backend="eager")
    parallel = nn.parallel.DistributedDataParallel(net)
    for wrapped in (compiled, parallel, torch.compile(parallel, backend="eager")):
        assert generate(wrapped, prompts[0], 15, strategy).equal(alone)
        found = generate(wrapped, prompts, 15, strategy)
        assert all(a.equal(b) for a, b in zip(found, together, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("strategy", [GREEDY, Sampling(0.9, top_p=0.9), Beams(2)])
def test_half_and_double_precision_write(dtype, strategy):
    net, prompts = model().to(dtype), ids(3, 5, vocab=11)
    texts = generate(net, prompts, 12, strategy)
    again = generate(net, prompts, 12, strategy, cached=False)
    assert [len(text) for text in texts] == [15, 17]
    assert all(text.max() < 11 for text in [*texts, *again])
    assert all(a.equal(b) for a, b in zip(texts, again, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("strategy", [GREEDY, Sampling(0.9, top_p=0.9), Beams(2)])
@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")
def test_under_autocast_it_writes_nearly_what_it_writes_without(
    dtype, strategy, cached
):
    net, prompts = model(), ids(3, 5, vocab=11)
    plain = generate(net, prompts, 12, strategy)
    with torch.autocast("cpu", dtype):
        texts = generate(net, prompts, 12, strategy, cached=cached)
    assert [len(text) for text in texts] == [15, 17]
    first = [(a[:6] == b[:6]).float().mean() for a, b in zip(plain, texts, strict=True)]
    assert (
        min(first) == 1
    )  # rounding may change a later token, and then all that follow


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [1e-5, 1e-38, 1e-320])
def test_a_temperature_near_0_is_greedy(dtype, temperature):
    net, (prompt,) = model().to(dtype), ids(3, vocab=11)
    greedy = generate(net, prompt, 20, GREEDY)
    assert generate(net, prompt, 20, Sampling(temperature)).equal(greedy)


@pytest.mark.parametrize("dtype", sorted(INTEGERS, key=str))
def test_prompts_may_be_of_any_integer_type(dtype):
    net, (prompt,) = model(), ids(4, vocab=11)
    expected = generate(net, prompt, 9, seed=3)
    found = generate(net, prompt.to(dtype), 9, seed=3)
    assert found.dtype == torch.long and found.equal(expected)


# --- what it leaves behind


def test_each_part_gets_its_own_mode_back():
    net, (prompt,) = model(dropout=0.5), ids(3, vocab=11)
    net.train()
    net.blocks[0].eval()
    before = [part.training for part in net.modules()]
    for strategy in (GREEDY, Beams(2)):
        generate(net, prompt, 3, strategy)
        assert [part.training for part in net.modules()] == before
    tokens = stream(net, prompt, 9)
    next(tokens)
    assert not any(part.training for part in net.modules())
    tokens.close()
    assert [part.training for part in net.modules()] == before
    with torch.no_grad():
        net.norm.weight[0] = torch.nan
    for write in (generate, lambda *a: list(stream(*a))):
        with pytest.raises(ValueError, match="scores must be finite"):
            write(net, prompt, 3)
        assert [part.training for part in net.modules()] == before


def test_dropout_is_off_while_it_writes_and_on_again_after():
    net, (prompt,) = model(dropout=0.5), ids(3, vocab=11)
    net.train()
    assert generate(net, prompt, 9, GREEDY).equal(by_hand(net.eval(), prompt, 9))
    net.train()
    tokens = stream(net, prompt, 9)
    next(tokens)
    assert not net.training
    tokens.close()
    assert net.training
    generate(net, prompt, 3, Beams(2))
    assert net.training


def test_the_text_can_be_trained_on():
    net = model()
    text = generate(net, ids(3, vocab=11)[0], 5)
    net(text[None]).sum().backward()
    assert not text.is_inference() and net.unembed.weight.grad.isfinite().all()


# --- bad input


@pytest.mark.parametrize(
    "prompts, max_new_tokens, words",
    [
        (torch.tensor([], dtype=torch.long), 1, r"at least one token each, got \[0\]"),
        (
            [torch.tensor([1]), torch.tensor([], dtype=torch.long)],
            1,
            r"one token each, got \[1, 0\]",
        ),
        ([], 1, r"at least one token each, got \[\]"),
        (torch.tensor([1]), 0, "max_new_tokens must be a whole number above 0, got 0"),
        (torch.tensor([1, 11]), 1, r"prompts must lie in 0\.\.10, got 1\.\.11"),
        (torch.tensor([-1, 2]), 1, r"prompts must lie in 0\.\.10, got -1\.\.2"),
    ],
)
def test_what_cannot_be_continued_is_refused(prompts, max_new_tokens, words):
    with pytest.raises(ValueError, match=words):
        generate(model(), prompts, max_new_tokens)
    if isinstance(prompts, torch.Tensor):
        with pytest.raises(ValueError, match=words):
            stream(model(), prompts, max_new_tokens)


P = torch.tensor([1, 2, 3])
ODD = [  # model, prompts, max_new_tokens, strategy, keywords, what is said
    (None, P[None], 4, GREEDY, {}, r"prompts must .* one axis, got .* \(1, 3\)"),
    (None, [P, [1]], 4, GREEDY, {}, r"prompts\[1\] must be a tensor of integers"),
    (None, [1, 2, 3], 4, GREEDY, {}, r"prompts\[0\] must be a tensor of integers"),
    (None, "abc", 4, GREEDY, {}, "prompts must be a tensor of ids or a list of them"),
    (None, P.float(), 4, GREEDY, {}, "tensor of integers .* got torch.float32"),
    (None, P > 1, 4, GREEDY, {}, "tensor of integers .* got torch.bool"),
    (None, P, 4.0, GREEDY, {}, "max_new_tokens must be a whole number .* got 4.0"),
    (None, P, 4, {"top_k": 3}, {}, "strategy must be a Sampling or Beams, got {'top"),
    (None, P, 4, GREEDY, {"stop": 3}, "stop must be one row of whole numbers, got int"),
    (None, P, 4, GREEDY, {"stop": "a"}, "stop must be one row of whole .* got str"),
    (None, P, 4, GREEDY, {"stop": [11]}, r"stop must lie in 0\.\.10, got \[11\]"),
    (None, P, 4, GREEDY, {"seed": 0.5}, "seed must be a whole number .* got 0.5"),
    (None, P, 4, GREEDY, {"seed": -1}, "seed must be a whole number .* got -1"),
    (Encoder(TINY), P, 4, GREEDY, {}, "model must be a GPT or .* got Encoder"),
    ("a name", P, 4, GREEDY, {}, "model must be a GPT or a function .* got str"),
    (lambda ids: NEXT, P, 4, GREEDY, {}, r"scores of shape \(batch, time, vocab\)"),
    (lambda ids: None, P, 4, GREEDY, {}, "scores of shape .* got None"),
    (lambda ids: ids[..., None], P, 4, GREEDY, {}, "must give decimal numbers"),
]


@pytest.mark.parametrize("net, prompts, new, strategy, others, says", ODD)
def test_odd_input_gets_a_sentence(net, prompts, new, strategy, others, says):
    """As readers call it: without the checks of types that run in these tests."""
    net = model() if net is None else net
    with pytest.raises(ValueError, match=says):
        inspect.unwrap(generate)(net, prompts, new, strategy, **others)


def test_learned_positions_end_and_say_so():
    net, (prompt,) = model(positions="learned"), ids(5, vocab=11)
    assert len(generate(net, prompt, 8, GREEDY)) == 13  # the last one is not read
    words = "max_new_tokens=9 need 13 positions.*learned for 12"
    for call in (generate, stream):
        with pytest.raises(ValueError, match=words):
            call(net, prompt, 9, GREEDY)
    with pytest.raises(ValueError, match="learned for 12"):
        generate(net, torch.cat([prompt] * 3), 1, Beams(2))


def test_top_k_above_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"top_k must lie in 1\.\.11.*got 12"):
        generate(model(), torch.tensor([1]), 1, Sampling(top_k=12))


def test_a_function_needs_prompts_of_one_length():
    with pytest.raises(ValueError, match="prompts of different lengths need a GPT"):
        generate(certain, [torch.tensor([0]), torch.tensor([0, 1])], 1)


def test_beams_are_not_streamed():
    with pytest.raises(ValueError, match="strategy must be a Sampling to stream"):
        inspect.unwrap(stream)(model(), torch.tensor([1]), 5, Beams())
    with pytest.raises(ValueError, match="prompt must be one tensor of ids, got"):
        inspect.unwrap(stream)(model(), [torch.tensor([1])], 5)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("strategy", [GREEDY, Sampling(), Beams(2)])
def test_scores_that_are_not_finite_are_refused(bad, strategy):
    net = model()
    with torch.no_grad():
        net.norm.weight[3] = bad
    with pytest.raises(ValueError, match="scores must be finite"):
        generate(net, torch.tensor([1]), 3, strategy)
