"""What lies in the repository: nothing too large, nothing of one machine, nothing of unknown origin."""

import csv
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# paths of somebody's home, folders of packages, addresses of package indexes
OF_ONE_MACHINE = re.compile(
    r"/(?:home|Users)/\w+/|file:/{2}/|--(?:extra-)?index-url|--find-links|\b10\.\d+\.\d+\.\d+"
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_no_tracked_file_is_over_20_mb(tracked: list[Path]) -> None:
    assert [path for path in tracked if path.stat().st_size > 20_000_000] == []


def test_no_tracked_text_names_one_machine(tracked: list[Path]) -> None:
    texts = [path for path in tracked if b"\0" not in path.read_bytes()[:8192] and path != Path(__file__)]
    found = {
        path.name: match.group()
        for path in texts
        if (match := OF_ONE_MACHINE.search(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}


def test_no_shipped_weights_name_the_machine_they_were_made_on(tracked: list[Path]) -> None:
    weights = [path for path in tracked if path.suffix == ".onnx"]
    assert weights
    for path in weights:
        assert b"site-packages" not in path.read_bytes(), path


def test_every_declared_dependency_is_pinned_within_its_range(pins: list[Requirement]) -> None:
    versions: dict[str, set[str]] = {}
    for pin in pins:
        (only,) = pin.specifier
        assert only.operator == "==", pin
        versions.setdefault(canonicalize_name(pin.name), set()).add(only.version)
    extras = PROJECT["optional-dependencies"].values()
    declared = [Requirement(d) for d in [*PROJECT["dependencies"], *(d for extra in extras for d in extra)]]
    for wanted in declared:
        pinned = versions.get(canonicalize_name(wanted.name), set())
        assert pinned, f"{wanted.name} is not pinned in constraints.txt"
        assert [v for v in pinned if v not in wanted.specifier] == [], wanted


def test_pins_hold_on_every_kind_of_machine(pins: list[Requirement]) -> None:
    """Parts that only one kind of machine has follow from torch there, and are not pinned here."""
    assert [pin.name for pin in pins if re.match(r"nvidia-|cuda-|triton", pin.name)] == []


def test_torch_and_torchvision_are_pinned_as_matched_pairs(pins: list[Requirement]) -> None:
    machines: dict[str, dict[str, str]] = {}
    for pin in pins:
        if pin.name in ("torch", "torchvision"):
            machines.setdefault(str(pin.marker), {})[pin.name] = next(iter(pin.specifier)).version
    assert machines
    for pair in machines.values():
        torch, torchvision = (Version(pair[name]) for name in ("torch", "torchvision"))
        # the table in torchvision's README: 0.24 goes with 2.9, 0.25 with 2.10, and so on
        assert (torch.major, torch.minor) == (2, torchvision.minor - 15)


def test_only_the_headless_opencv_is_installed_since_both_own_one_folder(pins: list[Requirement]) -> None:
    assert [pin.name for pin in pins if pin.name.startswith("opencv")] == ["opencv-python-headless"]


def test_the_changelog_tells_of_the_current_version() -> None:
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_origin_and_licence_of_every_background_are_known() -> None:
    folder = ROOT / "datasets" / "backgrounds"
    with (folder / "sources.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert {path.name for path in folder.glob("*.jpg")} <= {row[0] for row in rows}
