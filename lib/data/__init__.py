"""Data: what the models learn from, and where it comes from.

=============  ===========================================================
file           idea
=============  ===========================================================
corpora.py     real text in published wheels, pinned and checked
reviews.py     film reviews with their labels, divided once
sources.py     made-up sources whose entropy is known
tasks.py       made-up tasks whose right answer is known
batch.py       the type of a batch
ids.py         ids of any integer type, checked
=============  ===========================================================
"""
