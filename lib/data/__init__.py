"""Data: what the models learn from, and where it comes from.

=============  ===========================================================
file           idea
=============  ===========================================================
wheels.py      packages as files, pinned and checked
plays.py       from the Markdown of plays to plain text
corpora.py     real text in published wheels
reviews.py     film reviews with their labels, divided once
docstrings.py  summaries that people wrote, and what they sum up
sources.py     made-up sources whose entropy is known
tasks.py       made-up tasks whose right answer is known
batch.py       the type of a batch
ids.py         ids of any integer type, checked
=============  ===========================================================
"""
