"""Controls: explorers that need no running Python, panels that ask the live model."""

import html
import itertools
import json
from collections.abc import Sequence
from importlib import resources

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, Markdown, display
from jaxtyping import Float
from torch import Tensor

from lib.attention_only import AttentionOnly
from lib.plots import attention_map, visible
from lib.tokenizer import CharacterTokenizer

# A counter, not random names: the same notebook gives the same page.
_numbers = itertools.count(1)


def attention_explorer(
    texts: Sequence[Sequence[str]], weights: Sequence[Float[Tensor, "layer head _ _"]]
) -> HTML:
    """Look into every head of every layer on prepared texts, with no kernel.

    `texts` holds the tokens of each text, `weights` what a causal model did with it, in
    the shape (layer, head, query, key). Weights are rounded to whole percents.
    Raises ValueError when texts and weights do not fit.
    """
    for tokens, seen in zip(texts, weights, strict=True):
        if seen.shape[-2:] != (len(tokens), len(tokens)):
            raise ValueError(
                f"{len(tokens)} tokens do not fit weights of shape {tuple(seen.shape)}"
            )
    data = [
        {"tokens": list(tokens), "weights": _lower_triangles(seen)}
        for tokens, seen in zip(texts, weights, strict=True)
    ]
    layers, heads = weights[0].shape[:2]
    return _fill(
        "attention",
        LABEL="Attention by text, layer, head and position",
        TEXTS=_options(visible("".join(tokens)) for tokens in texts),
        LAYERS=_options(range(layers)),
        HEADS=_options(range(heads)),
        DATA=_json(data),
    )


def softmax_explorer(names: Sequence[str], scores: Sequence[float]) -> HTML:
    """Move the temperature and watch scores turn into shares, with no kernel."""
    return _fill(
        "softmax",
        LABEL="Softmax by temperature",
        NAMES=_json(list(names)),
        SCORES=_json(list(scores)),
    )


def live_attention(
    model: AttentionOnly, tokenizer: CharacterTokenizer, text: str
) -> ipywidgets.VBox:
    """Type a text of your own and look into the model; needs a running Python."""
    layers, heads = len(model.layers), model.layers[0].heads
    controls = {
        "text": ipywidgets.Text(text, description="text", continuous_update=False),
        "layer": ipywidgets.IntSlider(0, 0, layers - 1, description="layer"),
        "head": ipywidgets.IntSlider(0, 0, heads - 1, description="head"),
    }

    def draw(text: str, layer: int, head: int) -> None:
        try:
            ids = torch.tensor(
                [tokenizer.encode(text)], device=next(model.parameters()).device
            )
        except ValueError as error:
            display(Markdown(f"This model cannot read that text: {error}."))
            return
        attention_map(model.attention_weights(ids)[0, layer, head], list(text))
        plt.show()

    picture = ipywidgets.interactive_output(draw, controls)
    return ipywidgets.VBox([*controls.values(), picture])


def _fill(name: str, **values: str) -> HTML:
    """The page of an explorer, with its data in place."""
    page = (resources.files("lib") / "explorers" / f"{name}.html").read_text(
        encoding="utf-8"
    )
    for key, value in {"ID": f"gpt-explorer-{next(_numbers)}", **values}.items():
        page = page.replace(f"__{key}__", value)
    return HTML(page)


def _options(names) -> str:
    return "".join(
        f"<option value={i}>{html.escape(str(n))}</option>" for i, n in enumerate(names)
    )


def _json(data) -> str:
    """JSON that may stand inside a script element: no text in it can end it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace(
        "</", "<\\/"
    )


def _lower_triangles(weights: Float[Tensor, "layer head query key"]) -> list:
    """Whole percents; row t keeps t + 1 columns, the rest of a causal row being 0."""
    percents = (weights * 100).round().int().tolist()
    return [
        [[row[: t + 1] for t, row in enumerate(h)] for h in layer] for layer in percents
    ]
