"""Fine-tuning: a pretrained body learns a task from a few labels.

=================  =======================================================
file               idea
=================  =======================================================
classifier.py      pooling and a head on a body
labeled.py         labeled texts in batches
layers.py          how much of the body may move
lora.py            a little beside the body learns instead
text_baselines.py  what counting words learns from the same labels
=================  =======================================================
"""
