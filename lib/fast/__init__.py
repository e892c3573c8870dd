"""Speed, put on from outside: nothing in `lib.model` knows of it.

=============  ===========================================================
file           idea
=============  ===========================================================
linear.py      linear layers that oneDNN multiplies, not MKL
norm.py        a norm whose gradient is written out
speed_up.py    faster layers, put in where a measurement says so
as_built.py    whether a model is what its configuration builds
numpy_gpt.py   the whole GPT without PyTorch
=============  ===========================================================
"""
