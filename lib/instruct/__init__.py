"""Instructions: one model, many tasks.

=============  ============================================================
file           idea
=============  ============================================================
tasks/         questions whose right answer is known, and how to check it
mixture.py     many tasks at once, each example counted alike
evaluate.py    one table for any model, baselines beside it
=============  ============================================================
"""
