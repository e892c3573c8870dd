"""Measures: what a number must be held against before it means something.

=================  =======================================================
file               idea
=================  =======================================================
ngram.py           counts of characters and tokens: the baseline
smoothing.py       how much of a count to believe
copies.py          what stands, letter for letter, in a known text
diversity.py       how much a text repeats, itself or another
slices.py          where a classifier fails, by kinds of text
rouge.py           how much of a summary another one has
minimal_pairs.py   nearly the same sentence, the opposite meaning
intervals.py       how far a mean may be off
=================  =======================================================
"""
