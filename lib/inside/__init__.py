"""Inside: what the parts of a model do while it works.

===============  =========================================================
file             idea
===============  =========================================================
hooks.py         what went into a part, what came out, and what if
logit_lens.py    the stream read out at every part
attribution.py   which words spoke for the verdict
===============  =========================================================
"""
