"""Ids: as RFC 9562 writes version 7, ordered by time."""

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from qc_vision.identifier import new_id, time_ordered_id

MOMENTS, CHANCE = st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1)


def test_the_example_of_the_standard() -> None:
    """RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F."""
    random = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert UUID(time_ordered_id(at_ms=0x017F22E279B0, random=random)) == UUID(
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    )


@given(at_ms=MOMENTS, random=CHANCE)
def test_it_is_a_uuid_of_version_7_that_keeps_all_it_was_given(at_ms: int, random: int) -> None:
    id = UUID(time_ordered_id(at_ms=at_ms, random=random))

    assert (id.version, id.variant, id.int >> 80) == (7, RFC_4122, at_ms)
    assert (id.int >> 64 & 0xFFF) << 62 | id.int & (1 << 62) - 1 == random


@given(earlier=st.integers(0, 2**48 - 2), first=CHANCE, second=CHANCE)
def test_a_later_one_sorts_after_an_earlier(earlier: int, first: int, second: int) -> None:
    assert time_ordered_id(at_ms=earlier, random=first) < time_ordered_id(at_ms=earlier + 1, random=second)


def test_no_two_are_the_same() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
