"""Panels that ask the live model: they need a running Python."""

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from lib.inside.hooks import attention_weights
from lib.model.attention_only import AttentionOnly
from lib.plots.attention_maps import attention_map
from lib.plots.labels import visible
from lib.tokens.bpe import BYTES
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer


def live_merges(text: str) -> ipywidgets.VBox:
    """Learn merges from a text of your own, one by one; needs a running Python."""
    controls = {
        "text": ipywidgets.Textarea(text, description="text", continuous_update=False),
        "merges": ipywidgets.IntSlider(0, 0, 60, description="merges"),
    }

    def draw(text: str, merges: int) -> None:
        if not text:
            display(Markdown("There is nothing to learn from yet."))
            return
        tokenizer = BytePairTokenizer.train(text, vocab=BYTES + merges)
        ids = tokenizer.encode(text)
        print(f"{len(tokenizer.merges)} merges, {len(ids)} tokens:")
        print(" | ".join(visible(piece) for piece in tokenizer.pieces(ids)))

    picture = ipywidgets.interactive_output(draw, controls)
    return ipywidgets.VBox([*controls.values(), picture])


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
        attention_map(attention_weights(model, ids)[0, layer, head], list(text))
        plt.show()

    picture = ipywidgets.interactive_output(draw, controls)
    return ipywidgets.VBox([*controls.values(), picture])
