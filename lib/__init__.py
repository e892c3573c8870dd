"""The library behind *Inside GPT*: everything that a chapter imports, one idea a file.

Shapes stand in signatures, in one vocabulary for the whole book:

=========  ==================================================================
axis       what it counts
=========  ==================================================================
batch      sequences that are worked on together
beam       texts that beam search keeps
time       positions in a sequence, first to last
target     tokens that are to be predicted
text       tokens of a whole text, before it is cut into windows
other      tokens, or windows, of another text
row        rows of a table: the states of a source, the rows of a matrix
window     runs of a few tokens in a text, one starting at each token
run        different runs of tokens, in a table that counts them
past       what came before: different runs without their last token
place      places in a text at which a stretch begins
query      positions that look (the rows of an attention matrix)
key        positions that are looked at (its columns)
layer      layers of a model, bottom to top
head       attention heads that look at the same time
kv_head    heads that have keys and values of their own (grouped-query attention)
width      numbers in a token's vector, the model's width
hidden     numbers in the wide middle of the feed-forward part
dim        numbers in one head's query or key
value      numbers in one head's value
pair       pairs of numbers that a position turns together
vocab      tokens that the model knows
context    tokens that a key-value cache has room for
stack      matrices that are worked on together
column     columns of a matrix
inner      what two matrices have in common, and their product sums over
sample     words held against one word: its neighbor, then negatives
=========  ==================================================================

A number in a shape is a fixed size; `#batch` may also be 1 and is then shared.
"""
