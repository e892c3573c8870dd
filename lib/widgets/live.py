"""Panels whose controls ask a running Python; they need ipywidgets.

ipywidgets is imported where it is used: a page that only imports a panel does not wait
for it.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from IPython.display import Markdown, display

from lib.plots.labels import visible
from lib.tokens.bpe import BYTES
from lib.tokens.tokenizer import BytePairTokenizer

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


def _panel(
    update: Callable[..., None], controls: "Mapping[str, ipywidgets.Widget]"
) -> "ipywidgets.VBox":
    """Controls under each other, and below them what `update` prints or draws."""
    from ipywidgets import VBox, interactive_output

    picture = interactive_output(update, dict(controls))
    return VBox([*controls.values(), picture])
