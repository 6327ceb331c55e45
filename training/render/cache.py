"""A bounded store of rendered pictures on disk: rendering fills it, training reads it many times over.

One file a shard of 32 seeds, named by the first, so that a folder tells what it holds and a render that was cut
off goes on where it stopped. A file appears whole or not at all. A faulty picture lies beside its sound twin, the same
in everything else: seen in one batch, the two differ in nothing but what the judge has to learn.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from qc_vision.errors import StorageError
from qc_vision.message import Message
from training.render.scene import Renderer
from training.render.truth import Picture
from training.whole_file import write_whole

SHARD_SEEDS = 32
FAULT_SEEN = 0.5
"""A cell as faulty as this makes a picture worth a twin."""


def fill(folder: Path, *, first_seed: int, seeds: int, kept: int, renderer: Renderer) -> Iterator[Path]:
    """Renders `seeds` from `first_seed` on into `folder`; yields each shard's path once it is there.

    Only the newest `kept` seeds stay: old shards make room for new ones. A shard that has been rendered and
    cleared is not rendered again as long as a later one is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    newest = max((int(p.stem) for p in folder.glob("*.npz")), default=-1)
    for start in range(first_seed, first_seed + seeds, SHARD_SEEDS):
        path = folder / f"{start:08d}.npz"
        if start > newest:
            save(path, [with_twin(renderer, seed) for seed in range(start, start + SHARD_SEEDS)])
            for old in sorted(folder.glob("*.npz"))[: -max(1, kept // SHARD_SEEDS)]:
                old.unlink()
        yield path


def with_twin(renderer: Renderer, seed: int) -> tuple[Picture, ...]:
    """The picture of a seed; behind it its sound twin, if there is a fault in view."""
    picture = renderer.render(seed)
    faulty = (picture.defects.max(0) * picture.judged).max() > FAULT_SEEN
    return (picture, renderer.render(seed, sound=True)) if faulty else (picture,)


def save(path: Path, seeds: list[tuple[Picture, ...]]) -> None:
    """Writes one shard; truth maps are kept at half precision. StorageError where the disk takes no more."""
    pictures = [picture for seed in seeds for picture in seed]
    stacked = {f.name: np.stack([getattr(p, f.name) for p in pictures]) for f in fields(Picture)}
    packed = {name: a if a.dtype == np.uint8 else a.astype(np.float16) for name, a in stacked.items()}
    packed["defects"] = (stacked["defects"] * 255).astype(np.uint8)
    packed["seed"] = np.repeat(np.arange(len(seeds)), [len(seed) for seed in seeds])
    write_whole(path, lambda file: np.savez(file, **packed))


class Shard(Sequence[tuple[Picture, ...]]):
    """One file's pictures by seed: the picture, and its sound twin where it is faulty. Unpacked when asked for: a
    step of the training wants a few of them. FileNotFoundError where it has been cleared, StorageError where it is
    damaged."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file, np.load(file) as shard:
                self._packed = {f.name: shard[f.name] for f in fields(Picture)}
                seed = shard["seed"]
        except (EOFError, KeyError, ValueError, zipfile.BadZipFile) as wrong:
            raise StorageError(
                Message(
                    id=f"Gambar latihan {path} rusak atau dari versi lain. Hapus berkas itu, lalu ulangi.",
                    en=f"The renders in {path} are damaged or of another version. Remove that file and try again.",
                )
            ) from wrong
        self._rows = np.split(np.arange(len(seed)), np.flatnonzero(np.diff(seed)) + 1)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, seed: int) -> tuple[Picture, ...]:  # type: ignore[override]
        return tuple(self._picture(row) for row in self._rows[seed])

    def _picture(self, row: int) -> Picture:
        truth = {name: a[row].astype(np.float32) for name, a in self._packed.items() if name != "rgb"}
        truth["steps"] = np.nan_to_num(truth["steps"], nan=0.0, posinf=0.0, neginf=0.0)
        truth["defects"] /= 255
        return Picture(rgb=self._packed["rgb"][row], **truth)
