"""The pages are true: their Python examples run, and print what the pages say they print.

A page's ``python`` blocks run in order, in one namespace and in an empty directory, against an embedded
registry that is called ``registry``; so does the code in a table's column headed ``example`` or ``lazyimg``.
A ``text`` block right below a ``python`` block is what it prints, ``...`` standing for anything.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support.pages import ROOT, Example, commands_of, examples_of, pages

import lazyimg
from lazyimg.server.registry import Registry

HAND_OVER = "docs/hand-over.md"  # has a test of its own, which runs the commands between its examples
PAGES = {examples[0].page: examples for page in pages() if (examples := examples_of(page))}


def names_in(example: Example) -> Iterator[str]:
    """Give the public names that an example uses: ``li.Image``, or imported from lazyimg."""
    for node in ast.walk(ast.parse(example.code)):
        match node:
            case ast.Attribute(value=ast.Name(id="li"), attr=name):
                yield name
            case ast.ImportFrom(module="lazyimg", names=names):
                yield from (name.name for name in names)


@pytest.mark.usefixtures("page_directory", "_docker_daemon")
@pytest.mark.parametrize("page", sorted(PAGES.keys() - {HAND_OVER}))
def test_examples_run(page: str) -> None:
    """Every example of a page runs after those before it, and prints what the page says."""
    with Registry() as registry:
        namespace = ModuleType("page").__dict__ | {"registry": registry}
        for example in PAGES[page]:
            example.run(namespace)
    lazyimg.current_engine().close()


@pytest.mark.parametrize("name", lazyimg.__all__)
def test_public_names_have_examples(name: str) -> None:
    """Every public name is used by an example that runs."""
    assert name in {used for examples in PAGES.values() for example in examples for used in names_in(example)}


def test_examples_are_all_found() -> None:
    """No example hides from the test: there are as many as fences that open one."""
    fences = sum(len(re.findall(r"^\s*```python", page.read_text(), re.MULTILINE)) for page in pages())
    assert fences == sum(not example.is_cell for examples in PAGES.values() for example in examples)


def test_readme_has_two_commands() -> None:
    """README has two `sh` blocks of one line each: the demo's, then the tests'."""
    demo, tests = commands_of(ROOT / "README.md")
    assert (demo.count("\n"), tests.count("\n")) == (1, 1)
    assert demo.rstrip().endswith("lazyimg demo")
    assert tests.rstrip().endswith("tests/run.py")


@pytest.mark.parametrize("page", [*pages(), ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_files_named_exist(page: Path) -> None:
    """Every file of the project that a page names in code is there."""
    named = re.findall(r"`((?:tests|docs|notebooks|lazyimg|\.ci)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_modules_named_exist(page: Path) -> None:
    """Every module that a page names by its path is there, in the project or in lazyimg."""
    named = re.findall(r"`((?:[a-z]+/)+[a-z_0-9]+\.py)`", page.read_text())
    assert [
        name for name in named if not ((ROOT / name).exists() or (ROOT / "lazyimg" / name).exists())
    ] == []


def test_the_house_is_described() -> None:
    """The architecture names every package of lazyimg."""
    packages = {f"{path.parent.name}/" for path in (ROOT / "lazyimg").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"`([a-z]+/)`", (ROOT / "docs/architecture.md").read_text()))
