"""Files that appear whole or not at all, whatever stops the writer."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from qc_vision.errors import StorageError
from qc_vision.message import Message


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Lets `write` fill a file beside `path`, then moves it there. StorageError where the disk takes no more; what was
    at `path` before is there still, and nothing lies beside it."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as wrong:
        part.unlink(missing_ok=True)
        raise StorageError(
            Message(
                id=f"{path} tidak dapat ditulis ({wrong.strerror}); isi yang lama tetap utuh. Kosongkan ruang di disk, "
                "lalu ulangi perintah yang sama.",
                en=f"{path} cannot be written ({wrong.strerror}); what was there before is whole. Free space on the "
                "disk, then give the same command again.",
            )
        ) from wrong
