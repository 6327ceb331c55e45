"""When inspection becomes tightened, reduced, or stops: the switching rules of ISO 2859-1:1999, clause 9.

One series of lots has one state per class of nonconformity: the same village group and the same product.
The state is a fold over what has happened, so anybody can compute it again from the record.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from qc_vision.sampling import ClassPlan, Regime, ac_one_step_tighter

State = Literal["normal", "tightened", "reduced", "discontinued"]

SCORE_FOR_REDUCED = 30
LOTS_LOOKED_BACK = 5
REFUSALS_TO_TIGHTEN = 2
ACCEPTED_TO_NORMAL = 5
REFUSALS_TO_DISCONTINUE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LotJudged:
    """A lot was accepted or refused in this class. `original` is False for a lot that came back after a
    refusal: it does not count. `score_step` is what `score_step` gave for it."""

    lot_id: str
    accepted: bool
    score_step: Literal[0, 2, 3]
    original: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedApproved:
    """The responsible authority finds production steady and wants reduced inspection."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionIrregular:
    """Work has become irregular or was interrupted: no ground for reduced inspection any more."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseMended:
    """After discontinuation: the makers have mended the cause, and the authority accepts that."""

    by: str


SeriesEvent = LotJudged | ReducedApproved | ProductionIrregular | CauseMended


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """Where a series stands. `recent`: the last lots on normal inspection, newest last, True accepted.
    `accepted_in_row` and `refused` count lots on tightened inspection, `refused` all of them."""

    state: State = "normal"
    score: int = 0
    recent: tuple[bool, ...] = ()
    accepted_in_row: int = 0
    refused: int = 0
    reduced_approved: bool = False

    @property
    def regime(self) -> Regime | None:
        """The table of the next lot; None while acceptance is discontinued."""
        return None if self.state == "discontinued" else self.state


START = Switching()


def score_step(plan: ClassPlan, nonconforming: int) -> Literal[0, 2, 3]:
    """What a lot adds to the switching score: 0 sets the score back to nothing.

    With Ac 0 or 1 an accepted lot adds 2; with Ac 2 or more it adds 3 if it would also have been accepted
    at the next smaller AQL (ISO 2859-1:1999, 9.3.3.2).
    """
    if plan.ac < 2:
        return 2 if nonconforming <= plan.ac else 0
    return 3 if nonconforming <= ac_one_step_tighter(plan) else 0


def switch(history: Iterable[SeriesEvent], *, start: Switching = START) -> Switching:
    """The state after all events, oldest first."""
    state = start
    for event in history:
        state = _after(state, event)
    return state


def _after(before: Switching, event: SeriesEvent) -> Switching:
    match event:
        case LotJudged(original=True):
            return _reduced_if_earned(_after_lot(before, event))
        case ReducedApproved():
            return _reduced_if_earned(replace(before, reduced_approved=True))
        case ProductionIrregular():
            return START if before.state == "reduced" else replace(before, reduced_approved=False)
        case CauseMended() if before.state == "discontinued":
            return Switching(state="tightened")
        case _:
            return before


def _after_lot(before: Switching, lot: LotJudged) -> Switching:
    if before.state == "normal":
        recent = (*before.recent, lot.accepted)[-LOTS_LOOKED_BACK:]
        if recent.count(False) >= REFUSALS_TO_TIGHTEN:
            return Switching(state="tightened")
        score = before.score + lot.score_step if lot.score_step else 0
        return replace(before, recent=recent, score=score)
    if before.state == "tightened":
        refused = before.refused + (not lot.accepted)
        in_row = before.accepted_in_row + 1 if lot.accepted else 0
        if refused >= REFUSALS_TO_DISCONTINUE:
            return Switching(state="discontinued")
        if in_row >= ACCEPTED_TO_NORMAL:
            return START
        return replace(before, refused=refused, accepted_in_row=in_row)
    if before.state == "reduced" and not lot.accepted:
        return START
    return before  # accepted on reduced; or inspected although acceptance is discontinued


def _reduced_if_earned(state: Switching) -> Switching:
    earned = state.state == "normal" and state.score >= SCORE_FOR_REDUCED and state.reduced_approved
    return Switching(state="reduced") if earned else state
