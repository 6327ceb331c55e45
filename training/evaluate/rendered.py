"""Path-traced photos with exact truth: masks, density at the middle, faults by place and size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qc_vision.inspection import Inspection
from qc_vision.weave import BASKET_AT
from training.evaluate.alarms import Alarms, count_alarms, share_found
from training.evaluate.density import Reading, ScaledReading, compare, compare_scaled, counts_at, read_grey
from training.evaluate.figures import Figure, Statistic, Subject, auroc_of
from training.evaluate.overlap import aupro_of, cover_all
from training.evaluate.patchcore import Oddness, PatchCore
from training.evaluate.sets import Rendered, read_rendered
from training.evaluate.sight import FLOORS, Looker, Sight, outline_regions, read_patch, sight_of

COUNTED_FROM_MM = 8.0
"""Faults smaller than this need not be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedLook:
    """One photo's truth beside what the model and the baselines said of it."""

    name: str
    truth: Rendered
    sight: Sight
    mask_iou: float
    readings: tuple[Reading, ...]
    scaled: tuple[ScaledReading, ...]
    alarms: Alarms | None
    oddness: Oddness | None

    @property
    def large(self) -> np.ndarray:
        """Which of the faults count by their size."""
        return np.array([f.size_mm >= COUNTED_FROM_MM for f in self.truth.faults], dtype=bool)


def look_at_rendered(
    folder: Path, looker: Looker, *, baselines: bool, defects: bool, patchcore: PatchCore | None
) -> list[RenderedLook]:
    """All photos of the folder that can be read; `defects` False leaves out what only faults need."""

    def measure(path: Path, inspection: Inspection) -> RenderedLook:
        truth, sight = read_rendered(path), sight_of(path, inspection)
        seen = sight.basket.spread(truth.basket.shape) > BASKET_AT
        readings = [*_readings(path.name, inspection, truth, baselines=baselines)]
        alarms = _alarms(inspection, truth) if defects else None
        return RenderedLook(
            name=path.name,
            truth=truth,
            sight=sight,
            mask_iou=float((seen & truth.basket).sum() / max(1, (seen | truth.basket).sum())),
            readings=tuple(readings),
            scaled=compare_scaled(path.name, inspection.record, truth.centre),
            alarms=alarms,
            oddness=patchcore.judge(inspection.photo, sight.basket) if patchcore else None,
        )

    paths = [
        p.with_name(f"{p.name.removesuffix('_mask.png')}.jpg") for p in sorted(folder.glob("*_mask.png"))
    ]
    return list(looker.look(paths, measure, name="rendered"))


def _readings(name: str, inspection: Inspection, truth: Rendered, *, baselines: bool) -> Iterator[Reading]:
    if truth.centre is None:
        return
    counts = counts_at(name, truth.centre, (truth.weave, truth.family))
    patch = read_patch(inspection, truth.centre.quad)
    yield from (compare(count, patch) for count in counts)
    if baselines:
        yield from read_grey(inspection.photo, truth.centre.quad, counts)


def _alarms(inspection: Inspection, truth: Rendered) -> Alarms:
    masks = [f.mask for f in truth.faults]
    return count_alarms(outline_regions(inspection), masks, floors=len(FLOORS), shape=truth.basket.shape)


def mask_figures(looks: Sequence[RenderedLook]) -> Iterator[Figure]:
    units = [look.name for look in looks]
    yield Subject(part="masks").mean("rendered: basket mask IoU", [look.mask_iou for look in looks], units)


def defect_figures(looks: Sequence[RenderedLook]) -> Iterator[Figure]:
    """Ranking, covering and finding, the model's figures each before the baseline's."""
    units = [look.name for look in looks]
    faulty = [bool(look.truth.faults) for look in looks]
    model, bank = Subject(part="defects"), Subject(part="defects", who="PatchCore")
    maps, scores = {model: [x.sight.heat for x in looks]}, {model: [x.sight.score for x in looks]}
    if all(look.oddness is not None for look in looks):
        maps[bank], scores[bank] = [x.oddness.heat for x in looks], [x.oddness.score for x in looks]
    masks, baskets = [[f.mask for f in x.truth.faults] for x in looks], [x.truth.basket for x in looks]
    shapes = [basket.shape for basket in baskets]
    ranking = {who: auroc_of(scores[who], faulty) for who in scores}
    yield from _beside("rendered: photo AUROC", units, ranking)
    for what, counted in (
        ("rendered: AUPRO(0.3)", None),
        ("rendered: AUPRO(0.3) within the basket", baskets),
    ):
        covers = {who: cover_all(heats, masks, shapes=shapes, counted=counted) for who, heats in maps.items()}
        yield from _beside(what, units, {who: aupro_of(of_photo) for who, of_photo in covers.items()})
    yield from found_figures(looks)


def _beside(what: str, units: Sequence[str], statistics: dict[Subject, Statistic]) -> Iterator[Figure]:
    """Everybody's figure, then by how much the first is ahead of each other one, drawn on the same photos."""
    (model, first), *others = statistics.items()
    yield model.measure(what, units, first)
    for who, other in others:
        yield who.measure(what, units, other)
        yield Subject(part="defects", who=f"ahead of {who.who}").measure(what, units, _ahead(first, other))


def _ahead(first: Statistic, other: Statistic) -> Statistic:
    return lambda rows: first(rows) - other(rows)


def found_figures(looks: Sequence[RenderedLook]) -> Iterator[Figure]:
    """Faults of 8 mm and more found at one false alarm per five photos: all, then code by code. All photos must
    have their alarms counted."""
    model, units = Subject(part="defects"), [look.name for look in looks]
    alarms = [look.alarms for look in looks if look.alarms]
    codes = sorted({f.code for look in looks for f in look.truth.faults})

    def found(what: str, wanted: list[np.ndarray]) -> Figure:
        # the interval is over photos, sound ones among them: each draw has an operating point of its own
        return model.measure(
            what,
            units,
            lambda rows: share_found(
                [alarms[i] for i in rows], [wanted[i] for i in rows], counted=[True] * len(rows)
            ),
        )

    yield found("rendered: faults >= 8 mm found at 1 false alarm in 5 photos", [x.large for x in looks])
    for code in codes:
        of_code = [x.large & np.array([f.code == code for f in x.truth.faults], dtype=bool) for x in looks]
        count = int(sum(w.sum() for w in of_code))
        yield found(f"rendered: {code} found ({count} faults)", of_code)


def defect_slices(looks: Sequence[RenderedLook]) -> Iterator[Figure]:
    """Mask and ranking by kind of weave; a kind with faulty or sound photos alone has no AUROC."""
    subject = Subject(part="slices")
    for kind in sorted({look.truth.weave for look in looks} | {look.truth.family for look in looks}):
        chosen = [look for look in looks if kind in (look.truth.weave, look.truth.family)]
        units, faulty = [look.name for look in chosen], [bool(look.truth.faults) for look in chosen]
        yield subject.mean(f"rendered, {kind}: basket mask IoU", [look.mask_iou for look in chosen], units)
        if any(faulty) and not all(faulty):
            scores = [look.sight.score for look in chosen]
            yield subject.auroc(f"rendered, {kind}: photo AUROC", scores, faulty, units)
