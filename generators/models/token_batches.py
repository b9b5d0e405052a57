"""Batches of token sequences in which every sequence has its own padded length.

Padding to the longest text of a batch shifts probabilities by about 1e-6, so that a result would depend on its
neighbours. A sequence is padded to the smallest length of a fixed list that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
MAX_BATCH = 64
# Numbers in one output [sequences, tokens, values], 128 MiB in float32: a published vocabulary has 50,000 entries.
MAX_OUTPUT = 2**25


def padded_length(length: int) -> int:
    """Return the length that a sequence of ``length`` tokens is padded to; itself beyond the list."""
    return next((padded for padded in LENGTHS if padded >= length), length)


def batches(lengths: list[int], values: int) -> Iterator[tuple[int, list[int]]]:
    """Yield groups of sequences by padded length, as (padded length, positions in ``lengths``).

    Args:
        lengths: Tokens of each sequence.
        values: Numbers that the model returns per token; together with the length it bounds a group's size.
    """
    groups: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        groups.setdefault(padded_length(length), []).append(position)
    for padded, positions in sorted(groups.items()):
        size = max(1, min(MAX_BATCH, MAX_OUTPUT // (padded * values)))
        for start in range(0, len(positions), size):
            yield padded, positions[start : start + size]


def pad_sequences(sequences: list[list[int]], length: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and attention mask, int64 [sequences, length], padded at the end."""
    ids = torch.tensor([[*sequence, *[pad] * (length - len(sequence))] for sequence in sequences])
    attention = torch.tensor([[1] * len(sequence) + [0] * (length - len(sequence)) for sequence in sequences])
    return ids, attention
