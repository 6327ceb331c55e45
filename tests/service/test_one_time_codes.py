"""The codes that authenticator apps show."""

from datetime import UTC, datetime, timedelta

import pytest

from service.one_time_codes import STEP_S, code_of, find_step, step_at

SECRET = b"12345678901234567890"
RFC_6238 = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
"""RFC 6238, appendix B, the rows of SHA-1: seconds since 1970, code of 8 digits."""
NOW = datetime.fromtimestamp(1234567890, UTC)


@pytest.mark.parametrize(("second", "code"), RFC_6238.items())
def test_the_codes_are_those_of_the_standard(second: int, code: str) -> None:
    moment = datetime.fromtimestamp(second, UTC)

    assert code_of(SECRET, step_at(moment), digits=8) == code
    assert code_of(SECRET, step_at(moment)) == code[-6:]  # the same number, to a smaller modulus
    assert find_step(SECRET, code[-6:], now=moment) == second // 30


@pytest.mark.parametrize(("off", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(off: int, taken: bool) -> None:
    code = code_of(SECRET, step_at(NOW) + off)

    assert (find_step(SECRET, code, now=NOW) is not None) == taken


@pytest.mark.parametrize("entered", ["", "000000", "89005924", "００５９２４", "005924\0"])
def test_what_is_no_code_of_now_is_of_no_step(entered: str) -> None:
    assert find_step(SECRET, entered, now=NOW) is None
    assert find_step(SECRET, "005924", now=NOW + timedelta(seconds=STEP_S)) == step_at(NOW)
