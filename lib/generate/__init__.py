"""Generation: from scores to text.

============  ============================================================
file          idea
============  ============================================================
loop.py       predict, choose, add to the text, repeat
sampling.py   how one token is chosen
beam.py       the few likeliest texts are kept
reader.py     what was read is remembered
============  ============================================================
"""

from lib.generate.beam import Beams
from lib.generate.loop import GREEDY, generate, next_tokens, stream
from lib.generate.sampling import Sampling

__all__ = ["GREEDY", "Beams", "Sampling", "generate", "next_tokens", "stream"]
