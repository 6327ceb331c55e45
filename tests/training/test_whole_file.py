"""A file that could not be written to its end leaves what was there before, and nothing beside it."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from qc_vision.errors import ModelError, StorageError
from training.checkpoint import load_checkpoint, save_checkpoint
from training.render.cache import Shard, save
from training.render.scene import Renderer
from training.whole_file import write_whole


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The system itself refuses to let any file grow past 64 kB, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "file"
    write_whole(path, lambda file: file.write(b"old"))
    with pytest.raises(StorageError) as caught:
        write_whole(path, lambda file: file.write(bytes(200_000)))
    assert "cannot be written" in caught.value.message.en
    assert "tidak dapat ditulis" in caught.value.message.id
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1, "network": {"w": torch.ones(3)}})
    with pytest.raises(StorageError):
        save_checkpoint(path, {"step": 2, "network": {"w": torch.ones(300_000)}})
    assert load_checkpoint(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_no_part_of_a_shard(tmp_path: Path, full_disk: None) -> None:
    with pytest.raises(StorageError):
        save(tmp_path / "00000000.npz", [(Renderer().render(1),)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [0, 100, 1500])
def test_a_damaged_checkpoint_is_told_from_a_whole_one(tmp_path: Path, length: int) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1, "network": {"w": torch.ones(300)}})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match="damaged"):
        load_checkpoint(path)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was_run",))

    path = tmp_path / "checkpoint.pt"
    torch.save({"step": Malice()}, path)
    with pytest.raises(ModelError):
        load_checkpoint(path)
    assert not (tmp_path / "was_run").exists()


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "00000000.npz"
    for content in (b"", b"PK\x03\x04 cut off"):
        path.write_bytes(content)
        with pytest.raises(StorageError, match="00000000"):
            Shard(path)
    np.savez(path, rgb=np.zeros(3))
    with pytest.raises(StorageError, match="another version"):
        Shard(path)
