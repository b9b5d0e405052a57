from __future__ import annotations

from editmill.generators.models.token_batches import (
    LENGTHS,
    MAX_BATCH,
    MAX_OUTPUT,
    batches,
    pad_sequences,
    padded_length,
)


def test_lengths_are_padded_to_the_list() -> None:
    assert [padded_length(length) for length in (1, 16, 17, 24, 25, 512)] == [16, 16, 24, 24, 32, 512]
    assert padded_length(LENGTHS[-1] + 1) == LENGTHS[-1] + 1


def test_every_sequence_is_in_one_batch_of_its_own_length() -> None:
    lengths = [5, 40, 16, 17, 3] * 50
    found = list(batches(lengths, 3))
    assert sorted(position for _, positions in found for position in positions) == list(range(len(lengths)))
    assert all(padded_length(lengths[position]) == length for length, positions in found for position in positions)
    assert max(len(positions) for _, positions in found) == MAX_BATCH
    assert list(batches([], 3)) == []


def test_large_outputs_make_small_batches() -> None:
    sizes = [len(positions) for _, positions in batches([512] * 10, 50_000)]
    assert sum(sizes) == 10
    assert max(sizes) * 512 * 50_000 <= MAX_OUTPUT or max(sizes) == 1


def test_padding() -> None:
    ids, attention = pad_sequences([[5, 6], [7]], 4, 1)
    assert ids.tolist() == [[5, 6, 1, 1], [7, 1, 1, 1]]
    assert attention.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
