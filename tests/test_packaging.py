"""What is shipped is whole, and grading and serving need no torch."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import qc_vision

ROOT = Path(__file__).parents[1]

WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'torchvision', 'timm', 'albumentations', 'onnx'):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import qc_vision
import qc_vision.cli, service.app, service.cli
from qc_vision.advice import advice_for
from qc_vision.inspection import load_inspector
from qc_vision.spec import load_spec, shipped_specs
load_inspector()
[load_spec(name) for name in shipped_specs()]
advice_for('MAJ-HOLE')
print(qc_vision.__file__)
"""


def run_python(code: str, *, path: Path, cwd: Path) -> str:
    """What a fresh interpreter prints that finds packages in `path` first."""
    env = os.environ | {"PYTHONPATH": str(path)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    run = subprocess.run(build, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return next(out.glob("*.whl"))


def test_grading_and_serving_start_from_a_checkout_without_torch(tmp_path: Path) -> None:
    assert run_python(WITHOUT_TORCH, path=ROOT, cwd=tmp_path) == str(ROOT / "qc_vision" / "__init__.py")


def test_grading_and_serving_start_from_the_wheel_alone_without_torch(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    assert run_python(WITHOUT_TORCH, path=tmp_path, cwd=tmp_path) == str(
        tmp_path / "qc_vision" / "__init__.py"
    )


def test_the_wheel_carries_all_that_its_commands_need(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    champion = (ROOT / "models" / "champion").read_text("utf-8").strip()
    needed = {
        "qc_vision/advice.toml",
        "qc_vision/_models/champion",
        *(f"qc_vision/_models/{champion}/{f}" for f in ("weave.onnx", "manifest.json", "golden.npz")),
        *(f"qc_vision/standards/{path.name}" for path in (ROOT / "qc_vision" / "standards").iterdir()),
        *(f"qc_vision/specs/{path.name}" for path in (ROOT / "qc_vision" / "specs").glob("*.toml")),
        *(f"qc_vision/_samples/{path.name}" for path in (ROOT / "datasets" / "samples").glob("*.jpg")),
        *(f"service/web/{path.name}" for path in (ROOT / "service" / "web").iterdir()),
        *(
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "service" / "migrations").rglob("*.py")
            if "__pycache__" not in path.parts
        ),
    }
    assert needed - set(names) == set()


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"qc_vision", "service", "training"}
    made = ("training/renders/", "training/checkpoints/")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(made)]


def test_every_public_name_is_there() -> None:
    for name in qc_vision.__all__:
        assert getattr(qc_vision, name) is not None
