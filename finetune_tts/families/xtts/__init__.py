"""XTTS (https://arxiv.org/abs/2406.04904): a language model of speech, which speaks like a recording."""
