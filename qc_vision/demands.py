"""What a spec or a person insists on in a photo, beyond what any photo must be. Who asks for more wins."""

from dataclasses import dataclass
from typing import Literal

CardDemand = Literal["optional", "required", "registered"]
"""Nothing; a whole, flat card; or one whose number is in the register."""
CARD_DEMANDS: tuple[CardDemand, ...] = ("optional", "required", "registered")

ViewDemand = Literal["any", "whole"]
"""Nothing; or one basket that stands whole in the photo."""
VIEW_DEMANDS: tuple[ViewDemand, ...] = ("any", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """`original`: the camera's own file, not a copy that a messenger shrank."""

    card: CardDemand = "optional"
    original: bool = False
    view: ViewDemand = "any"


NOTHING = Demands()


def stricter(first: Demands, second: Demands) -> Demands:
    """Of two who insist, in each thing the one who asks for more."""
    return Demands(
        card=max(first.card, second.card, key=CARD_DEMANDS.index),
        original=first.original or second.original,
        view=max(first.view, second.view, key=VIEW_DEMANDS.index),
    )
