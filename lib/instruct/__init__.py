"""Instructions: one model, many tasks; answers in turns, with tools.

===========  =============================================================
file         idea
===========  =============================================================
template.py  a conversation as tokens, and which of them are learned
packing.py   several examples in one row, none seeing another
chat.py      a conversation with a model, turn by turn
answers.py   many conversations, each with what is said next
tools.py     the model writes a call, the program answers it
console.py   a conversation that is typed
tasks/       questions whose right answer is known, and how to check it
mixture.py   many tasks at once, each example counted alike
ranking.py   the true reply among ten, by any score
evaluate.py  one table for any model, baselines beside it
small.py     a tiny GPT that learns one task in seconds
pairs.py     the same from pairs in a row, for rules in the prompt
===========  =============================================================
"""
