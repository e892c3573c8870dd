"""The GPU's benchmark, at toy size on the CPU: fair opponents, honest shares."""

import json

import jaxtyping
import pytest
import torch

import benchmarks
from benchmarks import gpu, time_to_loss
from benchmarks.gpu import BOOK, COMPILED, LOOP, THEIRS


@pytest.fixture(scope="module")
def figures():
    """All of it, as small as it gets; the plays are replaced by a made-up text."""
    plan, patch = gpu.toy(), pytest.MonkeyPatch()
    with patch.context() as patched:
        ids = torch.arange(4000) * 7 % 30
        patched.setattr(time_to_loss, "texts", lambda: (ids, ids[:300], 30))
        patched.setattr(jaxtyping.config, "jaxtyping_disable", True)  # to compile
        return gpu.measure(plan)


def test_every_contestant_is_measured_at_every_size(figures):
    assert set(figures["training"]) == {"tiny", "wider"}
    for size in figures["training"].values():
        speeds = size["tokens_per_second"]
        assert set(speeds[BOOK]) == set(speeds[THEIRS]) == {*gpu.PRECISIONS, COMPILED}
        assert set(speeds[LOOP]) == {"half"}
        assert all(speed > 0 for each in speeds.values() for speed in each.values())
    assert set(figures["time_to_loss"]) == {
        "held_out_nats",
        "seconds",
        "steps",
        "tokens",
    }
    assert figures["card"] == "none" or torch.cuda.is_available()


def test_both_write_the_same_text(figures):
    for each in figures["generation"].values():
        assert each["same_tokens"] == 1 and min(each[BOOK], each[THEIRS]) > 0


def test_opponents_have_the_same_weights_and_give_the_same_scores():
    plan = gpu.toy()
    ours, theirs = gpu.opponents(plan.writer, torch.device("cpu"))
    ids = torch.randint(64, (2, 20))
    expected = gpu.Scores(theirs)(ids)
    torch.testing.assert_close(ours(ids), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [*gpu.PRECISIONS, COMPILED])
def test_what_is_timed_trains_the_model_in_its_precision(name):
    plan = gpu.toy()
    size = plan.sizes["tiny"]
    model, _ = gpu.opponents(size.config, plan.device)
    kinds = []
    model.unembed.register_forward_hook(lambda *call: kinds.append(call[2].dtype))
    before = [weight.detach().clone() for weight in model.parameters()]
    gpu.step_of(plan, model, size, name)()
    half = name in ("half", COMPILED)
    assert kinds == [torch.bfloat16 if half else torch.float32]
    changed = zip(model.parameters(), before, strict=True)
    assert not any(weight.equal(b) for weight, b in changed)
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_share_is_work_over_the_peak_of_the_same_precision():
    size = {"flops_per_token": 3_000_000, "tokens_per_second": {BOOK: {}}}
    size["tokens_per_second"][BOOK] = {"float32": 10_000, COMPILED: 50_000}
    found = gpu.shares(size, {"float32": 0.06, "half": 0.3})
    assert found == {BOOK: {"float32": 0.5, COMPILED: 0.5}}


def test_nothing_is_compiled_when_time_is_short():
    plan = gpu.toy()
    plan.limit = 0
    model, _ = gpu.opponents(plan.writer, plan.device)
    assert gpu.compiled(plan, model, plan.sizes["tiny"]) == {}


def test_a_size_that_does_not_fit_is_no_end():
    def make():
        raise torch.OutOfMemoryError("too small a card")

    plan = gpu.toy()
    assert gpu.tokens(plan, plan.sizes["tiny"], make) == gpu.NO_ROOM


@pytest.mark.parametrize(
    "card, published",
    [("NVIDIA H100 80GB HBM3", 989), ("Tesla T4", 65), ("NVIDIA A100-SXM4-40GB", 312)],
)
def test_the_makers_figure_is_found_by_the_chips_name(card, published):
    assert gpu.published(card) == published
    assert gpu.published(card.replace("00", "").replace("T4", "?")) is None


def test_targets_are_of_the_largest_model_also_when_they_are_read_back(figures):
    again = json.loads(json.dumps(figures, sort_keys=True))
    assert gpu.targets(again) == gpu.targets(figures)
    speeds = figures["training"]["wider"]["tokens_per_second"]
    found = {target.name: target.figure for target in gpu.targets(figures)}
    expected = speeds[BOOK]["tf32"] / speeds[THEIRS]["tf32"]
    assert found["training, tf32"] == pytest.approx(expected)


def test_the_toy_stores_nothing_and_a_card_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmarks, "RESULTS", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no NVIDIA GPU"):
        gpu.main([])
    made_up = {"card": "none", "peak_tflops": {}, "training": {}, "seconds": 1}
    monkeypatch.setattr(gpu, "measure", lambda plan: made_up | {"time_to_loss": {}})
    monkeypatch.setattr(gpu, "targets", lambda figures: ["said"])
    gpu.main(["--toy"])
    assert not list(tmp_path.iterdir()) and "said" in capsys.readouterr().out
