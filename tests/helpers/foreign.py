"""Models of the package `transformers`, small and with weights that hide nothing."""

import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

GPT2_SIZES = {
    "vocab_size": 61,
    "n_positions": 48,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
}
LLAMA_SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 48,
}


def loud(model, seed):
    """Weights of a size at which a mistake cannot hide, biases and norms included."""
    torch.manual_seed(seed)
    for name, weight in model.named_parameters():
        nn.init.normal_(weight, mean=float("n" in name and weight.dim() == 1), std=0.2)
    return model.eval()


def gpt2(seed=0, **options):
    return loud(GPT2LMHeadModel(GPT2Config(**GPT2_SIZES, **options)), seed)


def llama(seed=0, **options):
    return loud(LlamaForCausalLM(LlamaConfig(**LLAMA_SIZES, **options)), seed)
