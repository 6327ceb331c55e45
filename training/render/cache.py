"""A bounded store of rendered pictures on disk: rendering fills it, training reads it many times over.

One file a shard of 32 pictures, named by the first seed, so that a folder tells what it holds and a
render that was cut off goes on where it stopped. A file appears whole or not at all.
"""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from training.render.scene import Renderer
from training.render.truth import Picture

SHARD_PICTURES = 32


def fill(folder: Path, *, first_seed: int, pictures: int, kept: int, renderer: Renderer) -> Iterator[Path]:
    """Renders `pictures` from `first_seed` on into `folder`; yields each shard's path once it is there.

    Only the newest `kept` pictures stay: old shards make room for new ones. A shard that has been rendered and
    cleared is not rendered again as long as a later one is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    newest = max((int(p.stem) for p in folder.glob("*.npz")), default=-1)
    for start in range(first_seed, first_seed + pictures, SHARD_PICTURES):
        path = folder / f"{start:08d}.npz"
        if start > newest:
            save(path, [renderer.render(seed) for seed in range(start, start + SHARD_PICTURES)])
            for old in sorted(folder.glob("*.npz"))[: -max(1, kept // SHARD_PICTURES)]:
                old.unlink()
        yield path


def save(path: Path, pictures: list[Picture]) -> None:
    """Writes one shard; truth maps are kept at half precision."""
    stacked = {f.name: np.stack([getattr(p, f.name) for p in pictures]) for f in fields(Picture)}
    packed = {name: a if a.dtype == np.uint8 else a.astype(np.float16) for name, a in stacked.items()}
    packed["defects"] = (stacked["defects"] * 255).astype(np.uint8)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **packed)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def load(path: Path) -> list[Picture]:
    with np.load(path) as shard:
        arrays = {f.name: shard[f.name] for f in fields(Picture)}
    arrays["steps"] = np.nan_to_num(arrays["steps"], nan=0.0, posinf=0.0, neginf=0.0)
    arrays["defects"] = arrays["defects"].astype(np.float32) / 255
    return [
        Picture(
            rgb=arrays["rgb"][i],
            basket=arrays["basket"][i].astype(np.float32),
            judged=arrays["judged"][i].astype(np.float32),
            steps=arrays["steps"][i].astype(np.float32),
            crests=arrays["crests"][i].astype(np.float32),
            defects=arrays["defects"][i],
        )
        for i in range(len(arrays["rgb"]))
    ]
