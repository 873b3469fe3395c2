"""The pages are true: their Python examples run, and print what the pages say they print.

A page is README.md or one below ``docs/``. Its ``python`` blocks run in order, in one namespace and in an
empty directory, against an embedded registry that is called ``registry``. A ``text`` block right below one
is what that block prints, ``...`` standing for anything.
"""

import ast
import contextlib
import doctest
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen

import lazyimg
from lazyimg.server.registry import Registry

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(
    r"^```python[^\n]*\n(?P<code>.*?)^```$(?:\n\n?^```text[^\n]*\n(?P<printed>.*?)^```$)?", re.MULTILINE | re.DOTALL
)


@frozen
class Example:
    """A block of a page: its code, the line of the page it begins at, and what it should print."""

    page: str
    line: int
    code: str
    printed: str | None

    def run(self, namespace: dict[str, object]) -> None:
        """Run it; whatever it raises names the page and the line in it."""
        placed = "\n" * (self.line - 1) + self.code
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(placed, self.page, "exec"), namespace)  # noqa: S102 - our own pages
        if self.printed is not None:
            self._compare(printed.getvalue())

    def _compare(self, printed: str) -> None:
        example = doctest.Example(self.code, self.printed or "")
        checker = doctest.OutputChecker()
        if not checker.check_output(example.want, printed, doctest.ELLIPSIS):
            difference = checker.output_difference(example, printed, doctest.ELLIPSIS | doctest.REPORT_UDIFF)
            pytest.fail(f"{self.page}:{self.line} prints something else\n{difference}", pytrace=False)


def examples_of(path: Path) -> list[Example]:
    """Give the examples of a page, in order."""
    text = path.read_text()
    name = str(path.relative_to(ROOT))
    return [
        Example(name, text.count("\n", 0, found.start("code")) + 1, found["code"], found["printed"])
        for found in EXAMPLE.finditer(text)
    ]


PAGES = {
    examples[0].page: examples
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    if (examples := examples_of(path))
}


def names_in(example: Example) -> Iterator[str]:
    """Give the public names that an example uses: ``li.Image``, or imported from lazyimg."""
    for node in ast.walk(ast.parse(example.code)):
        match node:
            case ast.Attribute(value=ast.Name(id="li"), attr=name):
                yield name
            case ast.ImportFrom(module="lazyimg", names=names):
                yield from (name.name for name in names)


@pytest.fixture
def page_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty directory, and work in it; whoever runs the tests has no credentials there."""
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directory = tmp_path / "page"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.usefixtures("page_directory")
@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page: str) -> None:
    """Every example of a page runs after those before it, and prints what the page says."""
    with Registry() as registry:
        namespace = ModuleType("page").__dict__ | {"registry": registry}
        for example in PAGES[page]:
            example.run(namespace)


@pytest.mark.parametrize("name", lazyimg.__all__)
def test_public_names_have_examples(name: str) -> None:
    """Every public name is used by an example that runs."""
    assert name in {used for examples in PAGES.values() for example in examples for used in names_in(example)}


def test_examples_are_all_found() -> None:
    """No example hides from the test: there are as many as fences that open one."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    fences = sum(len(re.findall(r"^\s*```python", page.read_text(), re.MULTILINE)) for page in pages)
    assert fences == sum(len(examples) for examples in PAGES.values())
