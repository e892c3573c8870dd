"""Tokens: text cut into pieces that have numbers.

==================  ======================================================
file                idea
==================  ======================================================
bpe.py              byte pairs: learn merges, apply them
words.py            what counts as a word, for each purpose
tokenizer.py        text to ids and back, by byte pairs or by characters
word_tokenizer.py   whole words, for models that read and never write
description.py      a tokenizer as plain data, to be stored beside a model
==================  ======================================================
"""
