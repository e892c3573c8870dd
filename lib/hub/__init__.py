"""Weights: the book's own, small and stored here; and other people's.

=======================  =================================================
file                     idea
=======================  =================================================
int8.py                  a matrix in eight bits a number
pretrained.py            weights that this book's recipes made
huggingface.py           weights of GPT-2 and Llama in our model
huggingface_config.py    their configurations as ours
=======================  =================================================
"""
