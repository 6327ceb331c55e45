"""`/v1/photo-checks`: may this photo be sent? Answered before twelve megapixels are uploaded; nothing is kept."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from qc_vision.card_register import KnownCards, load_register
from qc_vision.demands import CardDemand, Demands, stricter
from qc_vision.message import Message
from qc_vision.photo import as_reduced, decode
from qc_vision.photo_check import PhotoCheck, check_photo
from qc_vision.photo_origin import read_origin
from qc_vision.quality import message_of
from qc_vision.spec import load_spec, shipped_specs
from service.dependencies import AtDesk
from service.item import DEFAULT_SPEC, FIELD_RULES, ItemRefused, Ref
from service.permission import AsInspector, AskedFirst
from service.repeats import came_before

router = APIRouter(prefix="/v1/photo-checks", tags=["photo checks"], route_class=AskedFirst)

CHECKED_SIDE_PX = 1280
AT_ONCE = 2
"""Photos held and decoded here at the same time, in one process: only a JPEG is decoded smaller than it is."""
_turn = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReason:
    code: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """`send`: nothing speaks against sending it. Each reason has one sentence that says what to do.
    `px_per_mm` at the card, in px of the photo itself, and `tilt_deg` of it; null where none is seen."""

    send: bool
    reasons: tuple[CheckReason, ...]
    sharpness: float
    mean_luminance: float
    card: str | None
    serial: int | None
    px_per_mm: float | None
    tilt_deg: float | None


@router.post("")
def check(
    caller: AsInspector,
    desk: AtDesk,
    photo: Annotated[UploadFile, File(description="JPEG, PNG or WebP; a copy reduced to 1280 px will do")],
    long_side_px: Annotated[
        int | None,
        Form(
            ge=1,
            le=100_000,
            examples=[4032],
            description="of the photo itself, where a reduced copy is sent: how large and how far off is then told of that, "
            "and nothing of the copy's own file",
        ),
    ] = None,
    card: Annotated[
        CardDemand,
        Form(description="refuse a photo without a whole, flat inspection card, or a registered one"),
    ] = "optional",
    original: Annotated[bool, Form(description="refuse copies that a messenger shrank")] = False,
    spec: Annotated[str, Form(description="product spec, which may itself insist on either")] = DEFAULT_SPEC,
    ref: Annotated[
        Ref | None, Form(description="the basket's code: refuse a photo on record of another basket")
    ] = None,
) -> CheckAnswer:
    """Blur, light, card, tilt, distance, screenshot, clock, a photo of another basket; not whether there is a basket, which takes longer."""
    if spec not in shipped_specs():  # load_spec would also open a path
        raise ItemRefused({"spec": FIELD_RULES["spec"]})
    with _turn:
        data = photo.file.read()
        decoded = decode(data, min_side_px=CHECKED_SIDE_PX)
        if long_side_px is not None:
            decoded = as_reduced(decoded, long_side_px=long_side_px)
        found = check_photo(
            decoded,
            read_origin(data) if long_side_px is None else None,
            came_at=datetime.now(UTC),
            known=KnownCards(measured=load_register()),
            demands=stricter(load_spec(spec).demands, Demands(card=card, original=original)),
            came_before=came_before(desk.store, desk.photos, decoded, ref=ref),
            limits=desk.limits,
        )
    return _answer(found)


def _answer(found: PhotoCheck) -> CheckAnswer:
    return CheckAnswer(
        send=not found.reasons,
        reasons=tuple(CheckReason(code=r.value, message=message_of(r)) for r in found.reasons),
        sharpness=found.quality.sharpness,
        mean_luminance=found.quality.mean_luminance,
        card=found.card,
        serial=found.serial,
        px_per_mm=found.px_per_mm,
        tilt_deg=found.tilt_deg,
    )
