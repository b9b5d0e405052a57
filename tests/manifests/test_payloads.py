"""Keys are fair, independent of what they are for, and committed to."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chisquare

from editmill.manifests.payloads import Payload, commitment, make_payload, public_secret, tag, text_of

SECRET = b"0123456789abcdef"


def test_a_key_is_the_first_bits_of_an_hmac_over_source_and_scheme() -> None:
    stream = hmac.new(SECRET, b"photo|dwtDct", hashlib.sha256).digest()
    expected = np.unpackbits(np.frombuffer(stream, np.uint8))
    assert make_payload(SECRET, "photo", "dwtDct", length=256).bits == tuple(expected)
    assert make_payload(SECRET, "photo", "dwtDct", length=300).bits[:256] == tuple(expected)


@given(length=st.integers(1, 700))
def test_longer_keys_begin_with_shorter_ones(length: int) -> None:
    whole = make_payload(SECRET, "s", "x", length=700)
    assert make_payload(SECRET, "s", "x", length=length).bits == whole.bits[:length]


def test_keys_differ_by_secret_source_scheme_and_role() -> None:
    keys = [
        make_payload(SECRET, "a", "x", length=64),
        make_payload(SECRET, "b", "x", length=64),
        make_payload(SECRET, "a", "y", length=64),
        make_payload(public_secret(0), "a", "x", length=64),
        make_payload(public_secret(1), "a", "x", length=64),
        make_payload(SECRET, "a", "x", length=64, negative=True),
    ]
    for field in ("bits", "key_id", "nonce", "commitment"):
        assert len({getattr(key, field) for key in keys}) == len(keys)


def test_bits_are_fair_and_match_other_bits_as_coins_do() -> None:
    keys = np.array([make_payload(SECRET, f"source {number}", "x", length=32).bits for number in range(4000)])
    fixed = np.arange(32) % 2
    counts = np.bincount((keys == fixed).sum(axis=1), minlength=33)
    expected = binom.pmf(np.arange(33), 32, 0.5) * len(keys)
    middle = slice(9, 24)
    observed = [*counts[middle], counts.sum() - counts[middle].sum()]
    assert chisquare(observed, [*expected[middle], expected.sum() - expected[middle].sum()]).pvalue > 1e-3


def test_a_commitment_opens_to_its_key_alone() -> None:
    key = make_payload(SECRET, "a", "x", length=32)
    assert (
        key.commitment
        == commitment(key.bits, key.nonce)
        == hashlib.sha256(f"{text_of(key.bits)}|{key.nonce}".encode()).hexdigest()
    )
    flipped = (1 - key.bits[0], *key.bits[1:])
    assert commitment(flipped, key.nonce) != key.commitment
    assert isinstance(key, Payload)
    assert text_of(key.bits) not in (key.key_id, key.commitment)


def test_tags_need_the_secret() -> None:
    assert tag(SECRET, "a", "b") == tag(SECRET, "a", "b") != tag(b"another secret..", "a", "b")
    assert tag(SECRET, "a|b") != tag(SECRET, "a", "b")
