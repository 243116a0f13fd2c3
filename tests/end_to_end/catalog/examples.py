"""Read how each type of the catalog is made, and turn it into a lab."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from labrunner.awsmodel import Models
from labrunner.catalog import Catalog, load
from labrunner.catalog.types import Find
from labrunner.errors import InvalidLab
from labrunner.loader import LoadedLab, load_lab
from labrunner.model import Model, Text

MODELS = Models()
CATALOG = load()


class Files(Model):
    """Where things of a type that is on this machine are: a pattern below the run's folder."""

    files: Text


class Example(Model):
    """How to make, fill and list one type; s3.yaml says what each key means."""

    needs: list[str] = []
    create: list[dict[str, Any]] = Field(min_length=1)
    fill: list[dict[str, Any]] = []
    listing: Find | Files = Field(alias="list")
    absent: list[str] = []
    held: list[str] = []


def read_examples(folder: Path) -> dict[str, Example]:
    """Return the examples by "service.type"."""
    return {
        f"{path.stem}.{name}": Example.model_validate(entry)
        for path in sorted(folder.glob("*.yaml"))
        for name, entry in yaml.safe_load(path.read_bytes()).items()
    }


EXAMPLES = read_examples(Path(__file__).parent)


def types_of(catalog: Catalog) -> set[str]:
    """Return every "service.type" of the catalog."""
    return {f"{name}.{kind}" for name, one in catalog.services.items() for kind in one.resources}


def service_of(kind: str) -> str:
    return kind.partition(".")[0]


def needed(kind: str) -> list[str]:
    """Return the types that a type needs, and itself last, each once."""
    found: dict[str, None] = {}
    for other in EXAMPLES[kind].needs:
        found |= dict.fromkeys(needed(other))
    return [*found, kind]


def load_example(kind: str, folder: Path) -> LoadedLab:
    """Return the lab that makes and fills a type, written into this folder."""
    name = f"t-{kind}".replace(".", "-").replace("_", "-")[:30].rstrip("-")
    path = folder / name / "lab.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"lab": name, **_lab(kind)}), encoding="utf-8")
    try:
        return load_lab(path, models=MODELS, catalog=CATALOG)
    except InvalidLab as error:
        mistakes = "\n".join(map(str, error.diagnostics))
        pytest.fail(f"the example of {kind} is no lab:\n{mistakes}", pytrace=False)


def _lab(kind: str) -> dict[str, Any]:
    steps = [step for one in needed(kind) for step in EXAMPLES[one].create]
    return {
        "title": kind,
        "area": "Test",
        "replaces": {"what": "nothing", "minutes": 1},
        "estimate": {"minutes": 1, "usd": 1},
        "objectives": [f"make {kind}"],
        "steps": [{"title": step["id"], **step} for step in [*steps, *EXAMPLES[kind].fill]],
    }
