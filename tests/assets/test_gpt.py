"""The GPT in JavaScript against PyTorch, in a browser, on the same stored weights."""

import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given

from lib.fast import numpy_gpt
from lib.hub.pretrained import load_gpt
from lib.inside.hooks import attention_weights
from tests.helpers.models import PRESETS, TINY, configs
from tests.helpers.models_on_disk import BIG, pairs, scores, write_gpt

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "assets/gpt.js").read_text()
CLOSE = {"atol": 1e-3, "rtol": 0}
OPEN = """async (name) => {
  const { GPT, read_weights } = await import("/_static/gpt.js");
  const get = (end) => fetch(`/_static/models/${name}.${end}`, { cache: "no-store" });
  const { config } = await (await get("json")).json();
  return new GPT(config, read_weights(await (await get("safetensors")).arrayBuffer()));
}"""
READ = f"""async ([name, ids]) => {{
  const gpt = await ({OPEN})(name);
  return ids.map((id) => Array.from(gpt.read(id)));
}}"""
SHARES = f"""async ([name, ids]) => {{
  const gpt = await ({OPEN})(name);
  ids.forEach((id) => gpt.read(id));
  return gpt.shares.map((heads) => heads.map((shares) => Array.from(shares)));
}}"""


def compare(browser, config, times):
    """Both read the same tokens with their caches."""
    write_gpt("one", browser.models, config)
    ids = torch.randint(config.vocab, (times,)).tolist()
    found = torch.tensor(browser.run(READ, ["one", ids]))
    torch.testing.assert_close(found, scores("one", browser.models, ids), **CLOSE)


@pytest.mark.parametrize("name", PRESETS)
def test_it_equals_the_model(name, browser):
    compare(browser, replace(PRESETS[name], context=16), times=16)


@pytest.mark.parametrize("name", ["llama2", "small"])
def test_it_equals_the_model_past_the_context(name, browser):
    compare(browser, replace(PRESETS[name], context=8), times=30)


@given(configs)
def test_it_equals_the_model_whatever_it_is_made_of(browser, config):
    compare(browser, config, times=8 if config.positions == "learned" else 20)


def test_it_hands_out_where_each_head_looks(browser):
    write_gpt("looks", browser.models, replace(TINY, kv_heads=2, qk_norm=True))
    ids = [1, 4, 4, 0, 9, 2]
    found = torch.tensor(browser.run(SHARES, ["looks", ids]))
    model = load_gpt("looks", browser.models).model
    expected = attention_weights(model, torch.tensor([ids]))[0, :, :, -1]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_it_goes_back(browser):
    """A text that is cut and goes on in another way has the scores of that text."""
    write_gpt("back", browser.models, TINY)
    found = browser.run(
        f"""async () => {{
          const gpt = await ({OPEN})("back");
          for (const id of [1, 2, 3, 4, 5]) gpt.read(id);
          gpt.seen = 2;
          return [7, 8].map((id) => Array.from(gpt.read(id)));
        }}"""
    )
    expected = scores("back", browser.models, [1, 2, 7, 8])[2:]
    torch.testing.assert_close(torch.tensor(found), expected, **CLOSE)


@pytest.mark.parametrize(
    "what, change",
    [
        ("token must lie in 0..10, got 11", "gpt.read(11)"),
        ("token must lie in 0..10, got -1", "gpt.read(-1)"),
        ("token must lie in 0..10, got 0.5", "gpt.read(0.5)"),
        (
            "the weight norm.weight is missing",
            "delete gpt.weights['norm.weight'], gpt.read(0)",
        ),
        (
            "positions were learned for 12 tokens only",
            "gpt.config.positions = 'learned', gpt.seen = 12, gpt.read(0)",
        ),
    ],
)
def test_what_cannot_be_is_refused(what, change, browser):
    write_gpt("tiny", browser.models, TINY)
    said = browser.run(
        f"""async () => {{
          const gpt = await ({OPEN})("tiny");
          try {{ {change}; }} catch (error) {{ return error.message; }}
        }}"""
    )
    assert said == what


def test_half_precision_is_read_to_the_bit(browser):
    """Every number that it has, in a file of its own."""
    from safetensors.torch import save_file

    numbers = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.float16)
    save_file({"all": numbers}, browser.models / "half.safetensors")
    found = browser.run(
        """async () => {
          const { read_weights } = await import("/_static/gpt.js");
          const file = await fetch("/_static/models/half.safetensors");
          const { all } = read_weights(await file.arrayBuffer());
          return Array.from(new Int32Array(all.buffer));
        }"""
    )
    ours = torch.tensor(found, dtype=torch.int32).view(torch.float32)
    expected = numbers.float()
    torch.testing.assert_close(ours, expected, atol=0, rtol=0, equal_nan=True)


def test_how_fast_it_writes(browser, record_property):
    """A table, no limit: five million parameters, as the book's GPT has."""
    text = "".join(path.read_text() for path in sorted(ROOT.glob("*.md")))
    write_gpt("big", browser.models, BIG, pairs(text, 4096))
    first, later, least = browser.run(
        f"""async () => {{
          const began = performance.now(), gpt = await ({OPEN})("big");
          const opened = performance.now(), times = [];
          for (let i = 0; i < 120; i++) {{
            const before = performance.now();
            gpt.read(i);
            times.push(performance.now() - before);
          }}
          times.splice(0, 20);
          const sum = times.reduce((a, b) => a + b);
          return [opened - began, 1000 * times.length / sum, 1000 / Math.min(...times)];
        }}"""
    )
    size = (browser.models / "big.safetensors").stat().st_size / 1e6
    record_property(
        "table",
        f"gpt.js, {size:.1f} MB: opened in {first / 1000:.1f} s, then "
        f"{later:.0f} tokens/s (the fastest token: {least:.0f}/s)",
    )


def test_its_steps_have_the_names_of_the_numpy_ones():
    names = {
        node.name
        for node in ast.walk(ast.parse(inspect.getsource(numpy_gpt)))
        if isinstance(node, ast.FunctionDef)
    } - {"__init__"}
    ours = re.findall(r"^(?:  |function |const )(\w+)(?:\(.*\{$| = \()", SCRIPT, re.M)
    assert names <= {*ours}


def test_it_is_one_short_file_that_imports_nothing():
    assert len(SCRIPT.splitlines()) <= 200
    assert not re.search(r"\bimport\b|\brequire\b|https?:", SCRIPT)
