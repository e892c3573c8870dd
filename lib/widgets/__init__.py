"""Controls that a reader moves.

=============  ===========================================================
file           idea
=============  ===========================================================
explorers.py   they work on the page alone, with no running Python
template.py    a page with its data put in place
shading.py     a text whose words are colored
surprise.py    a text whose tokens are colored by what they cost a model
wake.py        a model that a reader wakes in the page of the site
writer.py      a text that a model writes, on the site anew in the page
chat.py        a conversation with a model, on the site live in the page
live.py        panels that ask a running Python: in Colab and JupyterLab
live_chat.py   a conversation with any model of a running Python
=============  ===========================================================
"""

from lib.widgets.chat import chat_explorer
from lib.widgets.explorers import (
    next_token_explorer,
    softmax_explorer,
    stream_explorer,
    token_explorer,
    word_explorer,
)
from lib.widgets.writer import generation_explorer

__all__ = [
    "chat_explorer",
    "generation_explorer",
    "next_token_explorer",
    "softmax_explorer",
    "stream_explorer",
    "token_explorer",
    "word_explorer",
]
