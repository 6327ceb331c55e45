"""The whole evaluation, read from top to bottom: folders in, figures and everything behind them out."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from qc_vision.errors import StorageError
from qc_vision.inspection import Inspection, Inspector
from qc_vision.message import Message
from qc_vision.spec import ProductSpec
from training.evaluate.density import (
    Reading,
    compare,
    count_of,
    density_figures,
    density_slices,
    read_grey,
    scaled_figures,
)
from training.evaluate.figures import Figure, Subject
from training.evaluate.patchcore import PatchCore
from training.evaluate.patchcore import build as build_patchcore
from training.evaluate.planted import TwinLook, look_at_pairs, planted_figures
from training.evaluate.rendered import (
    RenderedLook,
    defect_figures,
    defect_slices,
    look_at_rendered,
    mask_figures,
)
from training.evaluate.sets import counts_of, kind_of, photos_in, read_counted
from training.evaluate.sight import Looker, Sight, read_patch, sight_of
from training.evaluate.verdicts import faulty_figures, refusal_figures, sound_figures
from training.labels import DensityLabel

Part = Literal["density", "defects", "masks", "verdicts"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealLook:
    """A real photo of a basket that is sound as far as one can see. `group`: its folder."""

    sight: Sight
    group: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The table, all that it was made from, and what was left out, as (path, why). `seconds` per step."""

    figures: tuple[Figure, ...]
    rendered: tuple[RenderedLook, ...]
    twins: tuple[tuple[TwinLook, TwinLook], ...]
    real: tuple[RealLook, ...]
    negatives: tuple[Sight, ...]
    left_out: tuple[tuple[str, str], ...]
    seconds: dict[str, float]


def evaluate(
    folders: Sequence[Path],
    *,
    inspector: Inspector,
    spec: ProductSpec,
    negatives: Sequence[Path] = (),
    parts: Sequence[Part] = PARTS,
    baselines: bool = True,
    bank_cache: Path | None = None,
    limit: int | None = None,
) -> Evaluation:
    """Measures on folders whose kind is told by what lies in them, and on folders of photos without a basket.

    `parts` leaves out what the other parts alone need; `bank_cache` keeps PatchCore's bank; `limit` takes that
    many photos of each folder, for a quick look. StorageError where a folder holds no photo, or none of its photos could be measured.
    """
    kinds = {folder: kind_of(folder) for folder in folders}
    # listed before anything is measured: a folder that is not there must not cost an hour's work
    bare = [path for folder in negatives for path in photos_in(folder)] if "verdicts" in parts else []
    looker, seconds = Looker(inspector, spec, limit=limit), dict[str, float]()
    defects = "defects" in parts
    patchcore: PatchCore | None = None
    if baselines and defects and {"rendered", "planted"} & set(kinds.values()):
        with _timed("PatchCore's bank", seconds):
            patchcore = build_patchcore(cache=bank_cache)

    rendered: list[RenderedLook] = []
    twins: list[tuple[TwinLook, TwinLook]] = []
    real: list[RealLook] = []
    for folder, kind in kinds.items():
        with _timed(folder.name, seconds):
            if kind == "rendered":
                rendered += look_at_rendered(
                    folder, looker, baselines=baselines, defects=defects, patchcore=patchcore
                )
            elif kind == "planted" and {"defects", "verdicts"} & set(parts):
                twins += look_at_pairs(folder, looker, defects=defects, patchcore=patchcore)
            elif kind in ("counted", "photos") and {"density", "verdicts"} & set(parts):
                every = "verdicts" in parts
                real += look_at_real(folder, looker, baselines=baselines, only_counted=not every)
    with _timed("negatives", seconds):
        empty = list(looker.look(bare, sight_of, name="negatives"))
    if not (rendered or twins or real or empty):
        raise _nothing_measured(looker.left_out)

    with _timed("figures", seconds):
        figures = [
            figure
            for figure in _figures(rendered, twins, real, empty)
            if figure.n and figure.part in (*parts, "slices")
        ]
    return Evaluation(
        figures=tuple(figures),
        rendered=tuple(rendered),
        twins=tuple(twins),
        real=tuple(real),
        negatives=tuple(empty),
        left_out=tuple(looker.left_out),
        seconds=seconds,
    )


def look_at_real(folder: Path, looker: Looker, *, baselines: bool, only_counted: bool) -> list[RealLook]:
    """Every photo of the folder, or only those with hand counts; each goes through the network once."""
    table = counts_of(folder)
    labels: dict[str, list[tuple[DensityLabel, tuple[str, ...]]]] = {}
    for label, kind in read_counted(table) if table else ():
        labels.setdefault(label.file, []).append((label, kind))

    def measure(path: Path, inspection: Inspection) -> RealLook:
        name = path.relative_to(folder).as_posix()
        readings: list[Reading] = []
        for label, kind in labels.get(name, []):
            count = count_of(label, kind)
            readings.append(compare(count, read_patch(inspection, label.quad)))
            if baselines:
                readings += read_grey(inspection.photo, label.quad, [count])
        group = path.relative_to(folder).parts[0] if path.parent != folder else folder.name
        return RealLook(sight=sight_of(path, inspection), group=group, readings=tuple(readings))

    listed = [folder / name for name in labels]
    paths = sorted(listed) if only_counted else sorted({*photos_in(folder), *listed})
    return list(looker.look(paths, measure, name=folder.name))


def _figures(
    rendered: Sequence[RenderedLook],
    twins: Sequence[tuple[TwinLook, TwinLook]],
    real: Sequence[RealLook],
    negatives: Sequence[Sight],
) -> Iterator[Figure]:
    """All rows of the table in its order; the slices last."""
    traced = [r for look in rendered for r in look.readings]
    counted = [r for look in real for r in look.readings]
    yield from density_figures("density, rendered", traced)
    yield from scaled_figures([r for look in rendered for r in look.scaled])
    yield from density_figures("density, real", counted)

    judged = [look for look in rendered if look.alarms is not None]
    if judged:
        yield from defect_figures(judged)
    ranked = [pair for pair in twins if all(look.alarms is not None for look in pair)]
    if ranked:
        yield from planted_figures(ranked)

    sound = [look for look in rendered if not look.truth.faults]
    yield from sound_figures("rendered", [x.sight for x in sound], [x.name for x in sound])
    sources = [bad.pair.source for bad, _ in twins]
    yield from sound_figures("planted twins", [ok.sight for _, ok in twins], sources)
    yield from sound_figures("real products", [x.sight for x in real], [str(x.sight.path) for x in real])
    faulty = [look for look in rendered if look.truth.faults]
    yield from faulty_figures("rendered", [x.sight for x in faulty], [x.name for x in faulty])
    yield from faulty_figures("planted", [bad.sight for bad, _ in twins], sources)
    yield from mask_figures(rendered)
    yield from refusal_figures(negatives)

    yield from density_slices("rendered", traced)
    yield from density_slices("real", counted)
    yield from defect_slices(rendered)
    slices = Subject(part="slices")
    for group in sorted({x.group for x in real}):
        sights = [x.sight for x in real if x.group == group]
        fails = [s.verdict == "fail" for s in sights]
        yield slices.share(f"real, {group}: false fail", fails, [str(s.path) for s in sights])


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    """Adds what the step takes to its entry of `seconds`."""
    start = time.perf_counter()
    yield
    seconds[step] = round(seconds.get(step, 0.0) + time.perf_counter() - start, 1)


def _nothing_measured(left_out: Sequence[tuple[str, str]]) -> StorageError:
    why = "; ".join(f"{Path(path).name}: {reason}" for path, reason in left_out[:3])
    return StorageError(
        Message(
            id=f"Tidak satu foto pun dapat diukur dari {len(left_out)} foto ({why}). Periksa folder dan modelnya.",
            en=f"Not one of {len(left_out)} photos could be measured ({why}). Check the folders and the model.",
        )
    )
