"""The model: what a GPT is made of. Copy this folder; it needs torch and jaxtyping.

==================  ======================================================
file                idea
==================  ======================================================
attention.py        who looks at whom
masks.py            who may look at whom
positions.py        in what order the tokens come
feedforward.py      what is done with what was found
embedding.py        from token ids to vectors
block.py            attention and feed-forward around a residual stream
config.py           sizes and parts, and the presets
gpt.py              a stack of blocks that predicts the next token
encoder.py          the same blocks, looking both ways
cache.py            keys and values that need not be computed again
attention_only.py   a model of attention and nothing else
count.py            parameters and operations, by formula
modes.py            training, evaluation, and what wraps a model
==================  ======================================================
"""
