"""What baskets are made of: botanical names, frames, constructions, customs heading. Data, not code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from qc_vision.message import Message

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A plant material. `species`: the binomial names (genus and species) that it may be declared under."""

    name: Message
    hs_heading: str
    species: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the weave is stretched on. `plant`: its species must be declared as well."""

    name: Message
    plant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Construction:
    """How the material is worked. `wickerwork`: whole stems, which customs tells from braid and rope."""

    name: Message
    wickerwork: bool


@checked(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Catalogue:
    """All of `standards/materials.toml`, by code."""

    materials: Mapping[str, Material]
    frames: Mapping[str, Frame]
    constructions: Mapping[str, Construction]


@cache
def load_catalogue() -> Catalogue:
    """The shipped catalogue."""
    text = resources.files("qc_vision").joinpath("standards", "materials.toml").read_text("utf-8")
    return TypeAdapter(Catalogue).validate_python(tomllib.loads(text))
