from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from editmill.manifests.seeds import derive_seed, join_fields

FIELDS = st.tuples(
    st.integers(0, 2**63),
    st.text(alphabet="ab|\\1", max_size=6),
    st.text(alphabet="ab|\\1", max_size=6),
    st.integers(0, 99),
    st.integers(0, 99),
)


def test_seed_is_pinned() -> None:
    # A change here changes every dataset ever planned.
    assert derive_seed(7, "img000", "size", 0, 0) == 2_751_870_325_260_109_762


@given(FIELDS)
def test_seed_fits_int64_and_repeats(fields: tuple[int, str, str, int, int]) -> None:
    seed = derive_seed(*fields)
    assert 0 <= seed < 2**63
    assert seed == derive_seed(*fields)


@given(FIELDS, FIELDS)
def test_different_fields_give_different_seeds(
    one: tuple[int, str, str, int, int], other: tuple[int, str, str, int, int]
) -> None:
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


def test_separators_inside_fields_do_not_mix() -> None:
    assert derive_seed(1, "a|b", "c") != derive_seed(1, "a", "b|c")
    assert derive_seed(1, "a\\", "b") != derive_seed(1, "a", "\\b")
    assert join_fields("a|b") != join_fields("a", "b")


def test_seeds_use_all_63_bits() -> None:
    combined = 0
    for number in range(500):
        combined |= derive_seed(0, f"img{number}", "size")
    assert combined == 2**63 - 1
