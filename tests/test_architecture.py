"""Rules of the house that neither the linter nor the import contracts can express."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("qc_vision", "service", "training")
CODE = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
NO_NOUN = {"utils", "util", "helpers", "common", "manager", "misc"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=CODE, ids=name_of)
def module(request: pytest.FixtureRequest) -> tuple[Path, ast.Module]:
    path: Path = request.param
    return path, ast.parse(path.read_text("utf-8"))


def environment_reads(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
            yield ast.unparse(node)
        if isinstance(node, ast.Name) and node.id in {"environ", "getenv", "BaseSettings"}:
            yield node.id


def test_a_module_says_first_what_lives_in_it(module: tuple[Path, ast.Module]) -> None:
    _, tree = module
    assert not tree.body or ast.get_docstring(tree)


def test_a_module_is_called_after_what_it_holds(module: tuple[Path, ast.Module]) -> None:
    path, _ = module
    assert path.stem not in NO_NOUN


def test_no_module_takes_all_names_of_another_or_writes_globals(module: tuple[Path, ast.Module]) -> None:
    _, tree = module
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [node for node in imports if node.names[0].name == "*"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name_of(path): found
        for path in CODE
        if (found := list(environment_reads(ast.parse(path.read_text("utf-8")))))
    }
    # augment only sets a default there: it keeps albumentations from asking the package index at import
    assert set(readers) <= {"service/settings.py", "training/augment.py"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_readme_of_a_room_names_each_of_its_files(room: str) -> None:
    readme = (ROOT / room / "README.md").read_text("utf-8")
    # a room's cli.py is known by its command: `qc-vision`, `qc-service`, `qc-train`
    files = [path for path in (ROOT / room).glob("*.py") if path.name not in {"__init__.py", "cli.py"}]
    assert [path.name for path in files if path.name not in readme] == []


@pytest.mark.parametrize("room", [*ROOMS, "datasets", "models", "tests"])
def test_the_readme_knows_every_room(room: str) -> None:
    assert f"({room}/README.md)" in (ROOT / "README.md").read_text("utf-8")
    assert (ROOT / room / "README.md").is_file()


@pytest.mark.parametrize("room", ["datasets", "models"])
def test_rooms_of_data_hold_no_code_that_could_shadow_a_package(room: str) -> None:
    assert list((ROOT / room).rglob("*.py")) == []
