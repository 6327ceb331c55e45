"""What a row and an entry are hashed as: RFC 8785, as another implementation of it writes it."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ledger import EXACT, canonical
from service.tables import FACTS

NAMES = st.sampled_from([column.name for column in FACTS.c])
VALUES = st.none() | st.text() | st.integers(-EXACT, EXACT)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.dictionaries(NAMES, VALUES))
def test_a_row_is_written_as_rfc_8785_has_it(row: dict[str, str | int | None]) -> None:
    assert canonical(row) == rfc8785.dumps(row)


@pytest.mark.parametrize("odd", [True, 1.0, 1e21, FACTS.name, "\x00\x1f\x7f\u2028", "\U0001f9fa\ufeff"])
def test_what_a_changed_row_may_hold_is_written_so_too(odd: Any) -> None:
    assert canonical({"body": odd}) == rfc8785.dumps({"body": odd})


@pytest.mark.parametrize("odd", ["\ud800", EXACT + 1, -EXACT - 1, float("nan"), b"bytes"])
def test_what_json_cannot_say_exactly_is_refused(odd: Any) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical({"body": odd})
