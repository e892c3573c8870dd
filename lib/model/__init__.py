"""The model: what a GPT is made of. Copy this folder; it needs torch and jaxtyping.

Each file imports only files above it.

==================  ======================================================
file                idea
==================  ======================================================
masks.py            who may look at whom
positions.py        in what order the tokens come
embedding.py        from token ids to vectors
feedforward.py      what is done with what was found
cache.py            keys and values that need not be computed again
attention.py        who looks at whom
block.py            attention and feed-forward around a residual stream
config.py           sizes and parts, and the presets
gpt.py              a stack of blocks that predicts the next token
encoder.py          the same blocks, looking both ways
attention_only.py   a model of attention and nothing else
count.py            parameters and operations, by formula
modes.py            training, evaluation, and what wraps a model
==================  ======================================================
"""
