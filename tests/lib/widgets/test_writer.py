"""The text that a model writes: what stands in a notebook."""

import html
import re

import pytest
import torch

from lib import widgets
from lib.generate.loop import GREEDY, generate
from lib.generate.sampling import Sampling
from lib.hub.pretrained import load_gpt
from lib.widgets.writer import added, depth
from tests.helpers.models import TINY, replace
from tests.helpers.models_on_disk import pairs, write_gpt

TEXT = "</script> a <b> is “bold”, and 你 is a letter, bold bold letters </script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models: one of byte pairs that cut characters apart, one of letters."""
    folder = tmp_path_factory.mktemp("models")
    write_gpt("pairs", folder, replace(TINY, context=64), pairs(TEXT, 262))
    write_gpt("letters", folder, TINY)
    return folder


def spans(page):
    found = re.findall(
        r'<span style="background:[^"]* (\d+)%,[^"]*">(.*?)</span>', page
    )
    return [(int(percent), html.unescape(text)) for percent, text in found]


def test_it_is_what_generate_writes_shaded_by_the_models_shares(folder):
    model, tokenizer, _ = load_gpt("pairs", folder)
    strategy = Sampling(temperature=0.7, min_p=0.01)
    page = widgets.generation_explorer(
        "pairs", "a <b> is", 12, strategy, seed=5, folder=folder
    ).data
    start = torch.tensor(tokenizer.encode("a <b> is"))
    stop = tokenizer.special.values()
    ids = generate(model, start, 12, strategy, stop=stop, seed=5)
    with torch.no_grad():
        shares = model(ids[None, :-1])[0].softmax(-1)
    new = range(len(start), len(ids))
    came = [shares[t - 1, ids[t]].item() for t in new]
    written = spans(page)
    assert [percent for percent, _ in written] == [depth(share) for share in came]
    assert "".join(text for _, text in written) == "".join(
        added(tokenizer, ids.tolist())[len(start) :]
    )
    first = sum(int(shares[t - 1].argmax() == ids[t]) for t in new)
    assert f"{len(new)} tokens; {first} of them were the likeliest" in page
    assert 'white-space:pre-wrap;overflow-wrap:anywhere">a &lt;b&gt; is<span' in page


def test_the_least_likely_is_named(folder):
    page = widgets.generation_explorer("letters", "=A", 9, folder=folder).data
    least = max(spans(page))[1]
    said = html.unescape(re.search(r'class="say"[^>]*>(.*?)</p>', page)[1])
    assert f"The least likely is “{least}” (" in said


def test_a_text_that_ends_is_no_longer_than_that(folder):
    tokenizer = load_gpt("pairs", folder).tokenizer
    strategy = Sampling(temperature=50.0)
    page = widgets.generation_explorer(
        "pairs", "a", 2_000, strategy, folder=folder
    ).data
    written = spans(page)
    assert len(written) < 2_000 and written[-1][1].endswith("<|endoftext|>")
    assert len(tokenizer.special) == 1


@pytest.mark.parametrize(
    "prompt", ["a</script><script>alert(1)</script>", "\"'`${a}\\"]
)
def test_no_prompt_can_end_the_script_or_open_a_tag(prompt, folder):
    page = widgets.generation_explorer("pairs", prompt, 3, GREEDY, folder=folder).data
    assert page.count("</script>") == 2 and "<script>alert" not in page.split("<p")[2]
    assert not re.search("__[A-Z]+__", page)


def test_it_stands_twice_on_a_page(folder):
    pages = [
        widgets.generation_explorer("letters", "=A", 2, folder=folder) for _ in "ab"
    ]
    assert len({re.search(r'id="([^"]+)"', page.data)[1] for page in pages}) == 2


def test_the_less_likely_the_deeper():
    assert [depth(share) for share in (1.0, 0.5, 0.1, 0.01, 0.001, 0.0)] == [
        0, 6, 18, 37, 55, 55,
    ]  # fmt: skip


def test_characters_are_whole(folder):
    tokenizer = load_gpt("pairs", folder).tokenizer
    ids = list("a你b".encode())
    assert added(tokenizer, ids) == ["a", "", "", "你", "b"]


def test_bad_input_is_refused(folder):
    with pytest.raises(ValueError, match="at least one token"):
        widgets.generation_explorer("letters", "", 3, folder=folder)
    with pytest.raises(ValueError, match=r"name must be one of \['letters', 'pairs'\]"):
        widgets.generation_explorer("none", "a", 3, folder=folder)
