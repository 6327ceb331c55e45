"""Verdicts on baskets that are sound, on faulty ones, and on photos that show no basket."""

from collections.abc import Iterator, Sequence

from training.evaluate.figures import Figure, Subject
from training.evaluate.sight import Sight

VERDICTS = ("pass", "review", "fail", "retake")


def sound_figures(kind: str, sights: Sequence[Sight], units: Sequence[str]) -> Iterator[Figure]:
    """False fails first, then the share of every verdict. `kind` names the photos in the table."""
    subject = Subject(part="verdicts")
    yield subject.share(f"false fail on sound: {kind}", [s.verdict == "fail" for s in sights], units)
    for verdict in VERDICTS:
        if verdict != "fail":
            yield subject.share(f"sound, {kind}: {verdict}", [s.verdict == verdict for s in sights], units)


def faulty_figures(kind: str, sights: Sequence[Sight], units: Sequence[str]) -> Iterator[Figure]:
    subject = Subject(part="verdicts")
    for verdict in VERDICTS:
        yield subject.share(f"faulty, {kind}: {verdict}", [s.verdict == verdict for s in sights], units)


def refusal_figures(sights: Sequence[Sight]) -> Iterator[Figure]:
    """Of photos without a basket: how many are sent back for that reason, how many for any."""
    subject, units = Subject(part="verdicts"), [str(s.path) for s in sights]
    yield subject.share("negatives: refused as 'no basket'", [s.refused_as_no_basket for s in sights], units)
    yield subject.share("negatives: sent back for any reason", [s.verdict == "retake" for s in sights], units)
