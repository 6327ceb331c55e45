"""Names of defects and one sentence to the maker for each; the words are data, in `advice.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from qc_vision.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    name: Message
    advice: Message


@cache
def _all() -> dict[str, Advice]:
    text = resources.files("qc_vision").joinpath("advice.toml").read_text("utf-8")
    entries = tomllib.loads(text).items()
    return {code: Advice(name=Message(**e["name"]), advice=Message(**e["advice"])) for code, e in entries}


def advice_for(code: str) -> Advice | None:
    """The words for a defect code, None for a code that has none (a reason of the photo, not the basket)."""
    return _all().get(code)
