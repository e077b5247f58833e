"""The page's files keep the rules of the house: small, one way, and nothing from elsewhere."""

from __future__ import annotations

import configparser
import glob
import graphlib
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[1] / "framecache" / "server" / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
MODULES = [path for path in FILES if path.suffix == ".js"]
IMPORT = re.compile(r"""^(?:import|export)\s(?:[^;]*?\sfrom\s)?"([^"]+)";""", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


def imports(path: Path) -> set[str]:
    """The names of the modules that one imports."""
    return {name_of((path.parent / address).resolve()) for address in IMPORT.findall(path.read_text())}


def test_modules_are_small_and_say_what_they_are():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, path.name
    for path in MODULES:
        assert path.read_text().startswith("/**"), f"{path.name} begins without a word on what it is"


def test_imports_are_of_our_own_and_go_one_way():
    graph = {name_of(path): imports(path) for path in MODULES}
    assert set().union(*graph.values()) <= set(graph)
    graphlib.TopologicalSorter(graph).prepare()


def test_every_module_is_part_of_the_page():
    reached: set[str] = set()
    waiting = ["page.js"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imports(STATIC / name)
    assert reached == {name_of(path) for path in MODULES}


def test_packages_carry_every_file():
    settings = configparser.ConfigParser()
    settings.read(STATIC.parents[2] / "setup.cfg")
    patterns = settings["options.package_data"]["framecache"].split()
    package = STATIC.parents[1]
    carried = {package / name for pattern in patterns for name in glob.glob(pattern, root_dir=package, recursive=True)}
    assert set(FILES) <= carried


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_comes_from_elsewhere(path: Path):
    addresses = re.findall(r"(?:https?:)?//[a-z][\w-]*\.[\w./-]+", path.read_text())
    assert set(addresses) <= {"http://www.w3.org/2000/svg", "https://host/v1/videos/"}


def test_pure_modules_touch_no_browser():
    for path in MODULES:
        head, _, rest = path.read_text().partition("*/")
        if " Pure" in head:
            code = re.sub(r"/\*.*?\*/|//[^\n]*", "", rest, flags=re.DOTALL)
            used = re.findall(r"\b(document|window|fetch|localStorage|setTimeout|requestAnimationFrame)\b[.(]", code)
            assert used == [], path.name


def test_the_page_has_no_scripts_or_styles_in_its_markup():
    text = (STATIC / "index.html").read_text()
    assert "<style" not in text
    assert not re.search(r"\sstyle=|\son\w+=", text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
