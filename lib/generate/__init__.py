"""Generation: from scores to text.

============  ============================================================
file          idea
============  ============================================================
loop.py       predict, choose, add to the text, repeat
sampling.py   how one token is chosen
beam.py       the few likeliest texts are kept
reader.py     what was read is remembered
text.py       a prompt in, text out, as it is written
console.py    texts printed as they are written, and Ctrl-C
__main__.py   text from the command line
============  ============================================================
"""

from lib.generate.beam import Beams
from lib.generate.loop import GREEDY, generate, next_tokens, stream
from lib.generate.sampling import Sampling
from lib.generate.text import stream_scored, stream_text

__all__ = [
    "GREEDY",
    "Beams",
    "Sampling",
    "generate",
    "next_tokens",
    "stream",
    "stream_scored",
    "stream_text",
]
