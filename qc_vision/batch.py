"""Many photos: which files they are, what their outputs are called, and grading them in processes.

A broken file, or a file that kills its process, is a row with its error; it never stops the batch. What
stops it is a broken set-up: a bad spec or model, or an output folder that cannot be written.
"""

import multiprocessing
import os
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Protocol

import cv2
import numpy as np

from qc_vision.card_register import KnownCards
from qc_vision.defects import defect_map
from qc_vision.errors import PhotoError, QcVisionError, StorageError
from qc_vision.inspection import Inspection, load_inspector
from qc_vision.message import Message
from qc_vision.overlay import draw
from qc_vision.photo import Photo
from qc_vision.record import record_json
from qc_vision.refusal_limits import SHIPPED, RefusalLimits
from qc_vision.spec import ProductSpec
from qc_vision.weave import FloatMap

KNOWN_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif"})
"""Looked for in folders. A file named on the command line is tried whatever it is called."""

Row = dict[str, Any]


class Inspects(Protocol):
    def inspect(self, data: bytes, *, spec: ProductSpec) -> Inspection: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A photo to grade. `name`: path of its outputs below their folder, without suffix; unique in a batch."""

    path: Path
    name: PurePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Folders to write into, besides the rows; None: not asked for."""

    overlays: Path | None = None
    maps: Path | None = None


NOTHING_BESIDES = Outputs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One photo's row; or, where an output could not be written, why the batch must stop."""

    row: Row
    stopped_by: Message | None = None


def expand(paths: Iterable[str | Path]) -> tuple[Source, ...]:
    """All photos that files and folders stand for, folders searched to the bottom, each photo once.

    Outputs keep the folders below a folder that was named. Where two photos would still share a name,
    those keep their whole path below the folder common to all, and failing that their suffix. A file that
    does not exist stays in the list: it becomes a row with its error. Raises StorageError for a folder
    that cannot be read.
    """
    found: dict[Path, PurePath] = {}
    for given in map(Path, paths):
        if given.is_dir():
            for path in _photos_below(given):
                found.setdefault(path, path.relative_to(given))
        else:
            found.setdefault(given, PurePath(given.name))
    names = {path: name.with_suffix("") for path, name in found.items()}
    below_common = _below_common_folder(found)
    names |= {path: below_common[path] for path in _sharing_a_name(names)}
    names |= {path: names[path].with_name(path.name) for path in _sharing_a_name(names)}
    return tuple(Source(path=path, name=name) for path, name in names.items())


def grade_many(
    sources: Sequence[Source],
    *,
    spec: ProductSpec,
    outputs: Outputs = NOTHING_BESIDES,
    workers: int | None = None,
    cards: KnownCards | None = None,
    limits: RefusalLimits = SHIPPED,
    load: Callable[[], Inspects] | None = None,
) -> Iterator[Row]:
    """The rows of all photos, in their order, as they become ready.

    `workers`: processes, one thread each; by default one per core, and none (this process) for one photo.
    `load` is called once in each process; by default it loads the shipped model, to look for `cards` and refuse by `limits`.
    Raises ModelError where the model cannot be loaded, and StorageError where an output cannot be written; rows that came before
    stay true.
    """
    load = load or partial(load_inspector, cards=cards, limits=limits)
    workers = max(1, min(len(sources), workers or os.cpu_count() or 1))
    if workers == 1:
        inspector = load()
        outcomes: Iterator[Outcome] = (_grade(inspector, source, spec, outputs) for source in sources)
    else:
        load()  # a broken model is told here, in this process, before any other starts
        outcomes = _grade_in_processes(sources, spec, outputs, workers, load)
    for outcome in outcomes:
        if outcome.stopped_by is not None:
            raise StorageError(outcome.stopped_by)
        yield outcome.row


def cannot_read(path: Path, wrong: OSError) -> StorageError:
    """The error to raise where a file or folder cannot be read."""
    return StorageError(
        Message(
            id=f"{path} tidak bisa dibaca ({wrong.strerror}). Periksa nama dan izin bacanya.",
            en=f"{path} cannot be read ({wrong.strerror}). Check its name and that you may read it.",
        )
    )


def cannot_write(path: Path, wrong: OSError) -> StorageError:
    """The error to raise where a file or folder cannot be written."""
    return StorageError(
        Message(
            id=f"{path} tidak bisa ditulis ({wrong.strerror}). Periksa izin tulis dan ruang kosong disk.",
            en=f"{path} cannot be written ({wrong.strerror}). Check permission and free space on the disk.",
        )
    )


def make_folder(folder: Path) -> None:
    """Makes a folder and proves that it can be written. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as wrong:
        raise cannot_write(folder, wrong) from wrong


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        half.write_bytes(data)
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def encode_map(values: FloatMap, photo: Photo, *, px_per_cell: float) -> bytes:
    """A map of probabilities as an 8-bit grey PNG in the frame of the upright, full-size photo."""
    # px (x, y) of the photo reads the map at ((x + 0.5) / px_per_cell - 0.5): centres of cells meet
    shift = 0.5 / px_per_cell - 0.5
    affine = np.array([[1 / px_per_cell, 0, shift], [0, 1 / px_per_cell, shift]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grey = (np.clip(values, 0, 1) * 255).astype(np.float32)
    size = (photo.width, photo.height)
    full = cv2.warpAffine(grey, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    _, packed = cv2.imencode(".png", np.rint(full).astype(np.uint8))
    return bytes(packed.tobytes())


def _grade(inspector: Inspects, source: Source, spec: ProductSpec, outputs: Outputs) -> Outcome:
    try:
        inspection = inspector.inspect(source.path.read_bytes(), spec=spec)
    except OSError as wrong:
        return Outcome(row=_error_row(source, "unreadable", cannot_read(source.path, wrong).message))
    except PhotoError as wrong:
        return Outcome(row=_error_row(source, _code_of(wrong), wrong.message))
    except QcVisionError:
        raise
    except Exception as wrong:  # a fault of ours on one photo must not cost the other nine hundred
        return Outcome(row=_error_row(source, "unexpected", _unexpected(source.path, wrong)))
    row = {
        "path": str(source.path),
        **record_json(inspection.record),
        "timing_ms": dict(inspection.timing_ms),
    }
    try:
        _write_outputs(inspection, source, outputs)
    except OSError as wrong:
        folder = outputs.overlays or outputs.maps or source.path.parent
        return Outcome(row=row, stopped_by=cannot_write(Path(wrong.filename or folder), wrong).message)
    return Outcome(row=row)


def _write_outputs(inspection: Inspection, source: Source, outputs: Outputs) -> None:
    if outputs.overlays:
        write_whole(_output(outputs.overlays, source, ".jpg"), draw(inspection))
    if outputs.maps:
        weave_map, photo = inspection.weave_map, inspection.photo
        for kind, values in (("basket", weave_map.basket), ("defect", defect_map(weave_map))):
            data = encode_map(values, photo, px_per_cell=weave_map.px_per_cell)
            write_whole(_output(outputs.maps, source, f".{kind}.png"), data)


def _output(folder: Path, source: Source, suffix: str) -> Path:
    return folder / source.name.parent / f"{source.name.name}{suffix}"


def _grade_in_processes(
    sources: Sequence[Source],
    spec: ProductSpec,
    outputs: Outputs,
    workers: int,
    load: Callable[[], Inspects],
) -> Iterator[Outcome]:
    """Grades in a pool. When a process dies, the photos under way are tried again one by one, each in a
    process of its own: the one that kills it again is to blame, and the rest goes on in a fresh pool."""
    ahead = 3 * workers
    next_up = 0
    while next_up < len(sources):
        with _pool(workers, spec, outputs, load) as pool:
            waiting: list[Future[Outcome]] = []
            first = next_up
            try:
                while next_up < len(sources):
                    while len(waiting) < ahead and first + len(waiting) < len(sources):
                        waiting.append(pool.submit(_grade_here, sources[first + len(waiting)]))
                    outcome = waiting.pop(0).result()
                    first = next_up = next_up + 1
                    yield outcome
                return
            except BrokenProcessPool:
                suspects = sources[next_up : next_up + len(waiting) + 1]
            finally:
                for future in waiting:
                    future.cancel()
        for source in suspects:
            next_up += 1
            yield _grade_alone(source, spec, outputs, load)


def _grade_alone(
    source: Source, spec: ProductSpec, outputs: Outputs, load: Callable[[], Inspects]
) -> Outcome:
    try:
        with _pool(1, spec, outputs, load) as pool:
            return pool.submit(_grade_here, source).result()
    except BrokenProcessPool:
        message = Message(
            id=f"Proses mati saat menilai {source.path.name}. Coba foto lain, atau kurangi --workers.",
            en=f"The process died while grading {source.path.name}. Try another photo, or fewer --workers.",
        )
        return Outcome(row=_error_row(source, "process_died", message))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What a worker process keeps between photos."""

    inspector: Inspects
    spec: ProductSpec
    outputs: Outputs


_bench: list[_Bench] = []


def _pool(
    workers: int, spec: ProductSpec, outputs: Outputs, load: Callable[[], Inspects]
) -> ProcessPoolExecutor:
    # spawn, not fork: a forked copy of a process that has started threads may hang
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        workers, mp_context=context, initializer=_set_up, initargs=(load, spec, outputs)
    )


def _set_up(load: Callable[[], Inspects], spec: ProductSpec, outputs: Outputs) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle, once
    cv2.setNumThreads(1)  # one core per process: more threads only wait for each other
    _bench[:] = [_Bench(inspector=load(), spec=spec, outputs=outputs)]


def _grade_here(source: Source) -> Outcome:
    bench = _bench[0]
    return _grade(bench.inspector, source, bench.spec, bench.outputs)


def _photos_below(folder: Path) -> list[Path]:
    def refuse(wrong: OSError) -> None:
        raise cannot_read(Path(wrong.filename or folder), wrong) from wrong

    found: list[Path] = []
    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        known = (
            f for f in sorted(files) if not f.startswith(".") and Path(f).suffix.lower() in KNOWN_SUFFIXES
        )
        found += [Path(here) / f for f in known]
    return found


def _below_common_folder(paths: Iterable[Path]) -> dict[Path, PurePath]:
    whole = {path: path.absolute() for path in paths}
    if not whole:
        return {}
    common = os.path.commonpath([w.parent for w in whole.values()])
    return {path: w.relative_to(common).with_suffix("") for path, w in whole.items()}


def _sharing_a_name(names: dict[Path, PurePath]) -> list[Path]:
    """Photos whose outputs would overwrite each other; on many disks case does not tell names apart."""
    count = Counter(str(name).casefold() for name in names.values())
    return [path for path, name in names.items() if count[str(name).casefold()] > 1]


def _error_row(source: Source, code: str, message: Message) -> Row:
    return {
        "path": str(source.path),
        "error": {"code": code, "message": {"id": message.id, "en": message.en}},
    }


def _code_of(error: QcVisionError) -> str:
    """`EmptyPhoto` → `empty_photo`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def _unexpected(path: Path, wrong: Exception) -> Message:
    what = f"{type(wrong).__name__}: {wrong}"
    return Message(
        id=f"{path.name} gagal dinilai karena kesalahan program ({what}). Laporkan bersama fotonya.",
        en=f"{path.name} could not be graded: a fault in the program ({what}). Report it with the photo.",
    )
