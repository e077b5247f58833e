"""Imports go one way, downwards in the house of DESIGN.md."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "framecache"
# Each may import those before it, and within its own line, what is in the same folder.
HOUSE = [
    "errors",
    "arguments",
    "progress",
    "memory",
    "forking",
    "planes",
    "cache",
    "frame",
    "copies",
    "index",
    "decode",
    "pace",
    "growth",
    "video",
    "shelf",
    "run",
    "pool",
    "lead",
    "engine",
    "prefetch",
    "opening",
    "intervals",
    "options",
    "previews",
    "pictures",
    "horizon",
    "facts",
    "reader",
    "notation",
    "files",
    "arrival",
    "errands",
    "scrub",
    "sample",
    "export",
    "sheet",
    "verify",
    "compare",
    "viewer",
    "server",
    "play",
    "cli",
    "__main__",
]
CORE_PACKAGES = {"av", "numpy", "cv2", "more_itertools"}
# What an extra installs may be imported by its own room only.
EXTRA_PACKAGES = {
    "cli": {"typer", "rich"},
    "server": {"fastapi", "starlette", "uvicorn", "h11", "simplejpeg", "PIL", "prometheus_client"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> list[str]:
    """The absolute names that a module imports, type-checking blocks included."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.append(node.module or "")
    return names


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path):
    own = room(path)
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top != "framecache":
            assert top in sys.stdlib_module_names | CORE_PACKAGES | EXTRA_PACKAGES.get(own, set()), f"{path} imports {name}"
        elif own != "__init__" and rest:
            other = rest.split(".")[0]
            assert HOUSE.index(other) <= HOUSE.index(own), f"{own} imports {other}, which stands below it"


def test_every_module_has_its_place():
    assert {room(path) for path in modules()} - {"__init__"} == set(HOUSE)


def test_modules_stay_small():
    long = {str(path): count for path in modules() if (count := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_public_names_are_those_of_all():
    import framecache

    assert sorted(framecache.__all__) == framecache.__all__
    for name in framecache.__all__:
        value = getattr(framecache, name)
        assert value.__doc__, f"{name} has no docstring"
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, framecache.FramecacheError)
