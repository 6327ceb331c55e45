"""Faults planted in real photos, each beside its sound twin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qc_vision.inspection import Inspection
from training.evaluate.alarms import Alarms, count_alarms, share_found
from training.evaluate.figures import Figure, Subject
from training.evaluate.overlap import aupro_of, cover_all
from training.evaluate.patchcore import Oddness, PatchCore
from training.evaluate.sets import Pair, read_mask, read_pair
from training.evaluate.sight import FLOORS, Looker, Sight, outline_regions, sight_of

SEVERITIES = ("clear", "moderate", "subtle")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinLook:
    """One photo of a pair. `fault` (H, W): where the fault is, all False on the sound twin."""

    pair: Pair
    faulty: bool
    fault: np.ndarray
    sight: Sight
    alarms: Alarms | None
    oddness: Oddness | None


def look_at_pairs(
    folder: Path, looker: Looker, *, defects: bool, patchcore: PatchCore | None
) -> list[tuple[TwinLook, TwinLook]]:
    """All pairs (faulty, sound) of which both photos could be read."""
    of_path: dict[Path, Pair] = {}
    for bad in sorted(folder.glob("*_bad.jpg")):
        try:
            pair = read_pair(bad)
            of_path |= {pair.bad: pair, pair.sound: pair}
        except (OSError, KeyError, ValueError) as wrong:
            looker.leave_out(bad, wrong)

    def measure(path: Path, inspection: Inspection) -> TwinLook:
        pair, sight = of_path[path], sight_of(path, inspection)
        mask = read_mask(pair.mask)
        fault = mask if path == pair.bad else np.zeros_like(mask)
        alarms = None
        if defects:
            alarms = count_alarms(
                outline_regions(inspection),
                [fault] if fault.any() else [],
                floors=len(FLOORS),
                shape=fault.shape,
            )
        return TwinLook(
            pair=pair,
            faulty=path == pair.bad,
            fault=fault,
            sight=sight,
            alarms=alarms,
            oddness=patchcore.judge(inspection.photo, sight.basket) if patchcore else None,
        )

    seen = {look.sight.path: look for look in looker.look(of_path, measure, name="planted")}
    pairs = dict.fromkeys(pair.bad for pair in of_path.values())
    twins = [(bad, of_path[bad].sound) for bad in pairs]
    return [(seen[bad], seen[sound]) for bad, sound in twins if bad in seen and sound in seen]


def planted_figures(twins: Sequence[tuple[TwinLook, TwinLook]]) -> Iterator[Figure]:
    """Pairs ranked rightly, then photos, pixels and places. The unit is the source: pairs of one photo are kin."""
    model, bank = Subject(part="defects"), Subject(part="defects", who="PatchCore")
    looks = [look for pair in twins for look in pair]
    maps, scores = {model: [x.sight.heat for x in looks]}, {model: [x.sight.score for x in looks]}
    if all(look.oddness is not None for look in looks):
        maps[bank], scores[bank] = [x.oddness.heat for x in looks], [x.oddness.score for x in looks]
    groups: list[tuple[str, tuple[str, ...], str | None]] = [
        ("clear and moderate", ("clear", "moderate"), None),
        *((severity, (severity,), None) for severity in SEVERITIES),
        *((code, SEVERITIES, code) for code in sorted({bad.pair.code for bad, _ in twins})),
    ]
    for name, severities, code in groups:
        chosen = [
            i
            for i, (bad, _) in enumerate(twins)
            if bad.pair.severity in severities and code in (None, bad.pair.code)
        ]
        for who, of_photo in scores.items():
            wins = [_win(of_photo[2 * i], of_photo[2 * i + 1]) for i in chosen]
            units = [twins[i][0].pair.source for i in chosen]
            yield who.mean(f"planted: faulty above its twin, {name}", wins, units)
    units, faulty = [look.pair.source for look in looks], [look.faulty for look in looks]
    for who, of_photo in scores.items():
        yield who.auroc("planted: photo AUROC", of_photo, faulty, units)
    for who, heats in maps.items():
        faults = [[x.fault] if x.faulty else [] for x in looks]
        covers = cover_all(heats, faults, shapes=[x.fault.shape for x in looks])
        yield who.measure("planted: AUPRO(0.3)", units, aupro_of(covers))
    alarms = [look.alarms for look in looks if look.alarms]
    yield model.measure(
        "planted: faults found at 1 false alarm in 5 sound photos",
        units,
        lambda rows: share_found(
            [alarms[i] for i in rows],
            [np.ones(len(alarms[i].found), dtype=bool) for i in rows],
            counted=[not looks[i].faulty for i in rows],
        ),
    )


def _win(faulty: float, sound: float) -> float:
    """1 where the faulty one scores higher; a tie is half a win, as in the AUROC."""
    return float(faulty > sound) + 0.5 * float(faulty == sound)
