"""Instructions: a model that was asked answers, in turns, with tools.

===========  =============================================================
file         idea
===========  =============================================================
template.py  a conversation as tokens, and which of them are learned
packing.py   several examples in one row, none seeing another
===========  =============================================================
"""
