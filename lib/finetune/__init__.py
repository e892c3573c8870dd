"""Fine-tuning: a pretrained body learns a task from a few labels.

=================  =======================================================
file               idea
=================  =======================================================
classifier.py      pooling and a head on a body
labeled.py         labeled texts in batches
layers.py          how much of the body learns
lora.py            a small addition learns instead
zero_shot.py       a question after the text, and no training
text_baselines.py  what counting words gets from the same labels
naive_bayes.py     one step of these, which scikit-learn's classes need
=================  =======================================================
"""
