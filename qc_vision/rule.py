"""One condition of export and how it stands: the form in which every check answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from qc_vision.message import Message

RuleStatus = Literal["holds", "fails", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition of export, whether it holds, and the ids of the records that show it.

    `missing`: not yet known or no longer valid, so it neither holds nor fails. `valid_until`: when what holds
    now will have to be done again; None: it does not age.
    """

    code: str
    status: RuleStatus
    message: Message
    evidence: tuple[str, ...] = ()
    valid_until: datetime | None = None
