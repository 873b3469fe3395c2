"""What is in a layer is shown nowhere: a token in a file is as secret as one that logs in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from support.layouts import tar_of
from support.shown import pretty

import lazyimg as li
from lazyimg.content.filemap import FileMap
from lazyimg.content.source import Bytes
from lazyimg.notebook.graph import Graph
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.server.faults import Fault, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MARKED = b"m4rked-t0ken"
TAR = tar_of({"run/token": MARKED})


@frozen
class Own(li.Source):
    """A source of a user's own, with its bytes in a field."""

    data: bytes

    def describe(self) -> str:
        return "own bytes"

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.data)


LAYERS: dict[str, Callable[[Path], li.Layer]] = {
    "files": lambda _: li.Layer.from_files({"/run/token": MARKED}),
    "bytearray": lambda _: li.Layer.from_files({"/run/token": bytearray(MARKED)}),
    "bytes": lambda _: li.Layer.from_bytes(TAR),
    "source": lambda _: li.Layer.from_source(Own(TAR)),
    "stream": lambda _: li.Layer.from_stream(io.BytesIO(TAR)),
    "opener": lambda _: li.Layer.from_opener(lambda: io.BytesIO(TAR)),
    "tar": lambda path: li.Layer.from_tar(path / "a.tar"),
    "directory": lambda path: li.Layer.from_directory(path / "tree"),
    "blob": lambda path: li.Layer.from_blob(path / "a.tar"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a marked tar and a marked tree."""
    (tmp_path / "a.tar").write_bytes(TAR)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "token").write_bytes(MARKED)
    return tmp_path


def views(value: object) -> Iterator[str]:
    """All that people see of a value; a pickle is for programs, and holds the bytes."""
    yield from (str(value), repr(value), pretty(value))
    for name in ("_repr_html_", "_repr_svg_", "_repr_markdown_"):
        if callable(view := getattr(value, name, None)):
            yield str(view())


@pytest.mark.parametrize("kind", LAYERS)
def test_no_layer_shows_what_is_in_it(kind: str, place: Path) -> None:
    """Layers, images of them, their graphs and their plans show no byte of their files, in no form."""
    layer = LAYERS[kind](place)
    image = li.Image.empty().append(layer)
    plan = image.plan("localhost:1/app:1")
    values = (layer, image, Graph.of(image), plan, plan.graph)
    text = "\n".join(one for value in values for one in views(value))
    assert MARKED.decode() not in text


@pytest.mark.parametrize("kind", LAYERS)
def test_no_failed_write_shows_what_is_in_a_layer(kind: str, place: Path) -> None:
    """The notes of an error say which layer was being read, by names and sizes alone."""
    with li.Registry() as registry:
        registry.faults.add(Fault(Status(403), "PATCH", times=100))
        registry.faults.add(Fault(Status(403), "PUT", times=100))
        with pytest.raises(li.LazyImgError) as caught:
            li.Image.empty().append(LAYERS[kind](place)).write(f"{registry.host}/app:1")
    notes = "\n".join(caught.value.__notes__)
    assert "while consuming" in notes
    assert MARKED.decode() not in f"{caught.value}{notes}"


@pytest.mark.parametrize(
    "value",
    [
        FileMap({"/run/token": MARKED}),
        Bytes(MARKED),
        Descriptor(media_type="text/plain", digest=Digest.of(MARKED), size=len(MARKED), data=MARKED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_shows_the_bytes_it_holds(value: Any) -> None:
    """Values that hold content say how much of it."""
    text = f"{value} {value!r}"
    assert MARKED.decode() not in text
    assert "12 bytes" in text or "1 file: /run/token" in text
