"""The state of a training run on disk."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from qc_vision.errors import ModelError
from qc_vision.message import Message
from training.whole_file import write_whole


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replaces the checkpoint whole; StorageError where the disk takes no more, and the old one stays."""
    packed = io.BytesIO()  # torch's own writer turns a full disk into errors of its own
    torch.save(state, packed)
    write_whole(path, lambda file: file.write(packed.getbuffer()))


def load_checkpoint(path: Path, *, device: str = "cpu") -> dict[str, Any]:
    """Tensors and plain values only: a checkpoint from elsewhere cannot run code. ModelError where it is damaged."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"{type(state).__name__} instead of a dict")
    except (OSError, RuntimeError, EOFError, TypeError, ValueError, pickle.UnpicklingError) as wrong:
        raise ModelError(
            Message(
                id=f"{path} rusak atau bukan simpanan latihan. Pindahkan berkas itu; latihan lalu mulai dari awal.",
                en=f"{path} is damaged or no checkpoint of a training run. Move it away; training then starts anew.",
            )
        ) from wrong
    return state


def of_another_network(path: Path, wrong: Exception) -> ModelError:
    """What to say when a checkpoint's weights do not fit."""
    found = " ".join(str(wrong).split())[:200]
    return ModelError(
        Message(
            id=f"{path} berasal dari jaringan atau versi lain ({found} ...). Pakai --out lain, atau program yang "
            "membuatnya.",
            en=f"{path} is of another network or version ({found} ...). Use another --out, or the program that made it.",
        )
    )
