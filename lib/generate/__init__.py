"""Generation: from scores to text.

==============  ==========================================================
file            idea
==============  ==========================================================
loop.py         predict, choose, add to the text, repeat
sampling.py     how one token is chosen
beam.py         the few likeliest texts are kept
reader.py       what was read is remembered
expressions.py  what may follow, as a regular expression
json_text.py    such an expression for JSON
constraint.py   what cannot follow is not chosen
text.py         a prompt in, text out, as it is written
console.py      texts printed as they are written, and Ctrl-C
__main__.py     text from the command line
==============  ==========================================================
"""

from lib.generate.beam import Beams
from lib.generate.constraint import Constraint
from lib.generate.json_text import json_object
from lib.generate.loop import GREEDY, generate, next_tokens, stream
from lib.generate.sampling import Sampling
from lib.generate.text import stream_scored, stream_text

__all__ = [
    "GREEDY",
    "Beams",
    "Constraint",
    "Sampling",
    "generate",
    "json_object",
    "next_tokens",
    "stream",
    "stream_scored",
    "stream_text",
]
