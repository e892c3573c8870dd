"""Checkpoints: a run that is killed goes on where it was.

==============  ==========================================================
file            idea
==============  ==========================================================
checkpoint.py   when a run is saved, and how it is resumed
trained.py      model and tokenizer of a run, ready to write
state.py        all that a run is made of, taken and given back
settings.py     what must be the same when it goes on
storage.py      a folder of tensors that is written whole or not at all
==============  ==========================================================
"""
