"""The page that lists everything is whole, and what stands in tables works when it is forced, too."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from support.pages import ROOT, Example, examples_of

import lazyimg as li
from lazyimg.image.looking import Looking

PAGE = ROOT / "docs/vocabulary.md"
EXAMPLES = examples_of(PAGE)
STAND_FOR = {"image": "Image", "app": "Image", "index": "Index", "layer": "Layer"}
INTERNAL = {"Layer.placed"}  # how images take a layer in; no user composes with it
FACES = {"Image": (li.Image, Looking), "Index": (li.Index,), "Layer": (li.Layer,)}
METHODS = sorted(
    f"{name}.{method}"
    for name, classes in FACES.items()
    for cls in classes
    for method, value in vars(cls).items()
    if isinstance(value, staticmethod | FunctionType) and not method.startswith("_")
)
TARGETS = [name for name in li.__all__ if li.Target in getattr(getattr(li, name), "__mro__", ())]


def said(example: Example) -> Iterator[str]:
    """Give what an example uses: ``Image.append`` of an image by name, and ``OCILayout`` of lazyimg."""
    for node in ast.walk(ast.parse(example.code)):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="li"), attr=face), attr=method):
                yield f"{face}.{method}"
            case ast.Attribute(value=ast.Name(id="li"), attr=name):
                yield name
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in STAND_FOR:
                yield f"{STAND_FOR[name]}.{method}"


LISTED = {name for example in EXAMPLES if example.is_cell for name in said(example)}


@pytest.mark.parametrize("name", [name for name in METHODS if name not in INTERNAL])
def test_every_method_is_listed(name: str) -> None:
    """Every source, every mutation, and everything that can be asked, stands in a table with an example."""
    assert name in LISTED


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "Target"])
def test_every_target_is_listed(name: str) -> None:
    """Every class of targets stands in a table with an example."""
    assert name in LISTED


def test_something_is_demanded() -> None:
    """The lists of what there is are found, and not empty for some other reason."""
    assert {"Image.append", "Image.files", "Index.map", "Layer.from_tar"} <= set(METHODS)
    assert {"OCILayout", "RegistryTarget", "Archive", "Daemon"} <= set(TARGETS)


@pytest.mark.usefixtures("page_directory", "_docker_daemon")
@pytest.mark.parametrize("page", [PAGE, ROOT / "docs/coming-from-crane.md"], ids=lambda page: page.stem)
def test_examples_can_be_forced(page: Path) -> None:
    """Images and indexes have digests, layers can be written; what an example gives besides is given."""
    with li.Registry() as registry:
        namespace: dict[str, Any] = ModuleType("page").__dict__ | {"registry": registry}
        for example in examples_of(page):
            if example.is_cell:
                force(eval(example.code, namespace), registry)  # noqa: S307 - our own pages
            else:
                example.run(namespace)


def force(value: Any, registry: li.Registry) -> None:
    """Force what an example composed."""
    if isinstance(value, li.Image | li.Index):
        assert value.digest()
    elif isinstance(value, li.Layer):
        li.Image.empty().append(value).write(f"{registry.host}/forced:1")
