"""Controls that a reader moves.

=============  ===========================================================
file           idea
=============  ===========================================================
explorers.py   they work on the page alone, with no running Python
template.py    a page with its data put in place
shading.py     a text whose words are colored
surprise.py    a text whose tokens are colored by what they cost a model
live.py        panels that ask a running Python: in Colab and JupyterLab
=============  ===========================================================
"""

from lib.widgets.explorers import (
    next_token_explorer,
    softmax_explorer,
    stream_explorer,
    token_explorer,
    word_explorer,
)

__all__ = [
    "next_token_explorer",
    "softmax_explorer",
    "stream_explorer",
    "token_explorer",
    "word_explorer",
]
