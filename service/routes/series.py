"""`/v1/series`: how the next lot of a group and product will be inspected, and who may change that, and why."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from qc_vision.identifier import new_id
from qc_vision.message import Message
from qc_vision.severity import Severity
from qc_vision.spec import ProductSpec, load_spec, shipped_specs
from qc_vision.switching import Switching
from service.dependencies import AtDesk
from service.entries import SwitchingEntry, body_of
from service.facts import Draft, Fact, Kind, append_fact
from service.item import Ref
from service.permission import AsAdmin, AsAnyone, AskedFirst
from service.problems import CONFLICT, RequestRefused, not_found
from service.routes.paging import tag
from service.series import read_series
from service.store import now

router = APIRouter(prefix="/v1/series", tags=["lots"], route_class=AskedFirst)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassState:
    severity: Severity
    switching: Switching


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesAnswer:
    """Where a series stands, per class with an AQL."""

    group: str
    spec: str
    classes: tuple[ClassState, ...]


@router.get("/{group}/{spec_id}")
def read(desk: AtDesk, caller: AsAnyone, group: Ref, spec_id: str) -> SeriesAnswer:
    """The state of each class: normal, tightened, reduced or discontinued, and what has led there."""
    spec = _spec(spec_id)
    with desk.store.reading() as connection:
        states = read_series(connection, spec, group=group)
    classes = tuple(ClassState(severity=severity, switching=state) for severity, state in states.items())
    return SeriesAnswer(group=group, spec=spec.id, classes=classes)


@router.post("/{group}/{spec_id}/decisions", status_code=201)
def decide(
    desk: AtDesk, caller: AsAdmin, response: Response, group: Ref, spec_id: str, entry: SwitchingEntry
) -> Fact:
    """An authorised person's decision, with its reason. Refused where it would change nothing."""
    spec = _spec(spec_id)
    with desk.store.writing() as (connection, tail):
        state = read_series(connection, spec, group=group).get(entry.severity)
        if state is None:
            raise not_found(NO_CLASS)
        _refuse_idle(state, entry)
        fact_id = new_id()
        draft = Draft(
            kind=Kind.SWITCHING,
            subject=fact_id,
            by=caller.signs(entry.by),
            body={**body_of(entry), "group": group, "spec": spec.id},
            at=now(),
        )
        fact = append_fact(connection, tail, draft, after=0, id=fact_id)
    return tag(response, fact)


def _spec(spec_id: str) -> ProductSpec:
    # only shipped names: load_spec would also open a path
    spec = load_spec(spec_id) if spec_id in shipped_specs() else None
    if spec is None or spec.sampling is None:
        raise not_found(NO_SERIES)
    return spec


def _refuse_idle(state: Switching, entry: SwitchingEntry) -> None:
    match entry.action:
        case "approve_reduced":
            if state.state != "normal":
                raise RequestRefused(CONFLICT, NOT_NORMAL)
            if state.reduced_approved:
                raise RequestRefused(CONFLICT, APPROVED_ALREADY)
        case "production_irregular":
            if state.state != "reduced" and not state.reduced_approved:
                raise RequestRefused(CONFLICT, NOT_REDUCED)
        case "cause_mended":
            if state.state != "discontinued":
                raise RequestRefused(CONFLICT, NOT_STOPPED)


NO_SERIES = Message(id="Spesifikasi dengan rencana sampel itu", en="such spec with a sampling scheme")
NO_CLASS = Message(id="Kelas cacat itu dalam rencana sampelnya", en="such class in its sampling scheme")
NOT_NORMAL = Message(
    id="Pemeriksaan longgar hanya bisa disetujui dari pemeriksaan normal. Lihat keadaan seri ini dulu.",
    en="Reduced inspection can be approved from normal inspection alone. See where this series stands.",
)
APPROVED_ALREADY = Message(
    id="Pemeriksaan longgar sudah disetujui; berlaku setelah nilai peralihan mencapai 30.",
    en="Reduced inspection is approved already; it begins when the switching score reaches 30.",
)
NOT_REDUCED = Message(
    id="Pemeriksaan longgar tidak berlaku dan belum disetujui, jadi tidak ada yang dicabut.",
    en="Reduced inspection is neither in force nor approved: there is nothing to withdraw.",
)
NOT_STOPPED = Message(
    id="Penerimaan lot dari kelompok ini tidak sedang dihentikan. Tidak ada yang perlu dibuka.",
    en="Acceptance of lots of this group is not stopped: there is nothing to lift.",
)
