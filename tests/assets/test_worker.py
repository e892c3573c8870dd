"""The worker that holds a model: it loads, looks and writes as Python does."""

from dataclasses import replace

import pytest
import torch

from benchmarks import front_page
from lib.generate.loop import GREEDY, generate
from lib.hub.pretrained import load_gpt
from tests.helpers.models import TINY
from tests.helpers.models_on_disk import pairs, write_gpt

WAKE = """async (name) => {
  const { wake } = await import("/_static/awake.js");
  globalThis.told = [];
  globalThis.model = await wake(name, "0.1", (words) => told.push(words));
  return model.about;
}"""
SAID = f"(name) => ({WAKE})(name).then(() => '', (error) => error.message)"
WRITE = """async (told) => {
  globalThis.came = [];
  const all = { seed: 0, pace: 0, ...told }, heard = (data) => came.push(data);
  const end = await model.ask("write", all, heard);
  return [came.filter(({ kind }) => kind === "token"), end];
}"""
LETTERS = replace(TINY, vocab=11, context=24)
TEXT = "she sells sea shells by the sea shore, and the shells she sells are “sure” "


@pytest.fixture(scope="module")
def models(browser):
    """One of letters and one of byte pairs, written into the site."""
    write_gpt("letters", browser.models, LETTERS)
    write_gpt("pairs", browser.models, replace(TINY, context=16), pairs(TEXT * 3, 290))
    return browser.models


def load(name, models):
    return load_gpt(name, models)


def test_a_model_says_what_it_is(browser, models):
    about = browser.run(WAKE, "letters")
    assert about["alphabet"] == "".join(load("letters", models).tokenizer.tokens)
    sizes = {name: about[name] for name in ("vocab", "context", "layers", "heads")}
    assert sizes == {"vocab": 11, "context": 24, "layers": 2, "heads": 4}
    assert browser.run("told")[0] == "Loading the model, 0.1 MB."


def test_weights_are_fetched_once(browser, models):
    write_gpt("kept", browser.models, TINY)
    for _ in range(2):
        browser.page.reload()
        browser.run(WAKE, "kept")
    fetched = [
        path for path in browser.asked if path.startswith("/_static/models/kept")
    ]
    (weights,) = (path for path in fetched if "safetensors" in path)
    sum_of_it = load("kept", models).card["sha256"]
    assert weights == f"/_static/models/kept.safetensors?{sum_of_it[:16]}"


@pytest.mark.parametrize(
    "fault, said",
    [
        ("missing", "the site has no file models/odd.json (404)"),
        ("damaged", "the weights that came are damaged"),
        ("foreign", "odd is no GPT of this book's hub"),
    ],
)
def test_what_is_no_model_is_refused_in_words(fault, said, browser):
    weights, card = (browser.models / f"odd.{end}" for end in ("safetensors", "json"))
    if fault != "missing":
        write_gpt("odd", browser.models, TINY)
    if fault == "damaged":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    if fault == "foreign":
        card.write_text(card.read_text().replace('"gpt"', '"encoder"'))
    assert browser.run(SAID, "odd").startswith(said)


def test_a_worker_that_cannot_start_says_so(browser, models):
    browser.page.route("**/worker.js", lambda route: route.fulfill(status=404))
    assert "too old for it, or a file is missing" in browser.run(SAID, "letters")
    browser.page.unroute("**/worker.js")


def test_it_looks_as_python_does(browser, models):
    """Also where the line grows, is cut, and is changed in the middle."""
    browser.run(WAKE, "letters")
    model, tokenizer, _ = load("letters", models)
    for line in ("=A", "=A>?@", "=A>", "=A@@B<", "<"):
        found = browser.run("(line) => model.ask('look', { line, many: 5 })", line)
        ids = torch.tensor(tokenizer.encode(line + "<"))
        ours = front_page.read(model, ids, tokenizer.tokens)
        assert "".join(found["line"]) == line
        assert ["".join(row) for row in found["expected"]] == ours["expected"]
        rows = [list(map(int, row.split())) for row in ours["percents"]]
        close(found["percents"], rows)
        close([found["came"]], [list(map(int, ours["came"].split()))[:-1]])
        for layer, heads in enumerate(ours["weights"]):
            for head, shares in enumerate(heads):
                rows = [list(map(int, row.split())) for row in shares]
                close(found["weights"][layer][head], rows)


def close(found, rows):
    """Whole percents, of which one may be rounded the other way."""
    for ours, theirs in zip(found, rows, strict=True):
        assert len(ours) == len(theirs)
        assert all(abs(a - b) <= 1 for a, b in zip(ours, theirs, strict=True))


def greedy(name, models, ids, many):
    model = load(name, models).model
    return generate(model, torch.tensor(ids), many, GREEDY)[len(ids) :].tolist()


def test_it_writes_what_python_writes(browser, models):
    browser.run(WAKE, "pairs")
    model, tokenizer, _ = load("pairs", models)
    browser.run("model.tell('set', { sampling: { temperature: 0 } })")
    tokens, end = browser.run(WRITE, {"prompt": "she sells “", "many": 9})
    ids = tokenizer.encode("she sells “")
    new = [token["id"] for token in tokens]
    assert new == greedy("pairs", models, ids, 9) and not end["stopped"]
    assert tokenizer.decode(ids + new) == "".join(end["pieces"])
    with torch.inference_mode():
        shares = model(torch.tensor([ids + new]))[0, len(ids) - 1 : -1].softmax(-1)
    for row, token in zip(shares, tokens, strict=True):
        assert abs(token["share"] - row[token["id"]].item()) < 1e-4
        best = row.topk(8).indices.tolist()
        assert [other["id"] for other in token["others"]] == best
        assert token["rank"] == 0 and token["others"][0]["left"] == 1
        assert {other["left"] for other in token["others"][1:]} == {0}


def test_it_goes_on_from_anywhere(browser, models):
    """Within its context and past it, where older tokens were written over."""
    browser.run(WAKE, "pairs")
    browser.run("model.tell('set', { sampling: { temperature: 0 } })")
    ids = load("pairs", models).tokenizer.encode("the sea")
    for start, many in ((ids, 5), (ids[:2], 5), (ids, 30), ([*ids, 101], 12)):
        tokens, _ = browser.run(WRITE, {"ids": start, "many": many})
        assert [t["id"] for t in tokens] == greedy("pairs", models, start, many)


def test_settings_hold_while_it_writes(browser, models):
    """From the next token on: the likeliest first, then what chance has drawn."""
    browser.run(WAKE, "letters")
    browser.run("model.tell('set', { sampling: { temperature: 0 } })")
    ranks = browser.run(
        """async () => {
          const ranks = [], hot = { sampling: { temperature: 4 } };
          const heard = ({ kind, rank }) => {
            if (kind === "token" && ranks.push(rank) === 10) model.tell("set", hot);
          };
          const told = { prompt: "=A", many: 60, seed: 3, pace: 5 };
          await model.ask("write", told, heard);
          return ranks;
        }"""
    )
    assert len(ranks) == 60 and not any(ranks[:10]) and sum(map(bool, ranks)) > 20


def test_it_stops_when_it_is_told_to(browser, models):
    browser.run(WAKE, "letters")
    many = browser.run(
        """async () => {
          let many = 0;
          const heard = ({ kind }) => {
            if (kind === "token" && ++many === 4) model.tell("stop");
          };
          const told = { prompt: "=A", many: 500, seed: 0, pace: 20 };
          await model.ask("write", told, heard);
          return many;
        }"""
    )
    assert 4 <= many <= 6


def test_a_text_ends_at_a_special_token(browser, models):
    browser.run(WAKE, "pairs")
    end = load("pairs", models).tokenizer.special["<|endoftext|>"]
    browser.run("model.tell('set', { sampling: { temperature: 9 } })")
    tokens, last = browser.run(WRITE, {"prompt": "a", "many": 2_000})
    assert tokens[-1]["id"] == end and last["stopped"]
    assert end not in [token["id"] for token in tokens[:-1]]


def test_an_empty_prompt_is_refused_in_words(browser, models):
    browser.run(WAKE, "letters")
    said = browser.run(
        """() => model.ask("write", { prompt: "", many: 3, seed: 0, pace: 0 })
          .then(() => "", (error) => error.message)"""
    )
    assert said == "the model needs at least one character to begin with"
