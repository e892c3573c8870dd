"""Panels that ask the live model: they need a running Python, and ipywidgets.

ipywidgets is imported where it is used: a page that only imports a panel does not wait
for it.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from lib.inside.hooks import attention_weights
from lib.model.attention_only import AttentionOnly
from lib.plots.attention_maps import attention_map
from lib.plots.labels import visible
from lib.tokens.bpe import BYTES
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer

if TYPE_CHECKING:
    import ipywidgets


def live_merges(text: str) -> "ipywidgets.VBox":
    """Learn merges from a text of your own, one by one; needs a running Python."""
    from ipywidgets import IntSlider, Textarea

    def update(text: str, merges: int) -> None:
        if not text:
            display(Markdown("There is nothing to learn from yet."))
            return
        tokenizer = BytePairTokenizer.train(text, vocab=BYTES + merges)
        ids = tokenizer.encode(text)
        print(f"{len(tokenizer.merges)} merges, {len(ids)} tokens:")
        print(" | ".join(visible(piece) for piece in tokenizer.pieces(ids)))

    return _panel(
        update,
        {
            "text": Textarea(text, description="text", continuous_update=False),
            "merges": IntSlider(0, 0, 60, description="merges"),
        },
    )


def live_attention(
    model: AttentionOnly, tokenizer: CharacterTokenizer, text: str
) -> "ipywidgets.VBox":
    """Type a text of your own and look into the model; needs a running Python."""
    from ipywidgets import IntSlider, Text

    def draw(text: str, layer: int, head: int) -> None:
        if not text:
            display(Markdown("There is nothing to look at yet."))
            return
        try:
            ids = torch.tensor(
                [tokenizer.encode(text)], device=next(model.parameters()).device
            )
        except ValueError as error:
            display(Markdown(f"This model cannot read that text: {error}."))
            return
        attention_map(attention_weights(model, ids)[0, layer, head], list(text))
        plt.show()

    last_layer = len(model.layers) - 1
    last_head = model.unembed.in_features // model.dim - 1
    return _panel(
        draw,
        {
            "text": Text(text, description="text", continuous_update=False),
            "layer": IntSlider(0, 0, last_layer, description="layer"),
            "head": IntSlider(0, 0, last_head, description="head"),
        },
    )


def _panel(
    update: Callable[..., None], controls: "Mapping[str, ipywidgets.Widget]"
) -> "ipywidgets.VBox":
    """Controls under each other, and below them what `update` prints or draws."""
    from ipywidgets import VBox, interactive_output

    picture = interactive_output(update, dict(controls))
    return VBox([*controls.values(), picture])
