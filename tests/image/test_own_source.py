"""Sources of a user's own: a frozen class that says what it is and opens it, and nothing else."""

from __future__ import annotations

import gzip
import io
import pickle
from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from support.layouts import tar_of

import lazyimg as li
from lazyimg.errors import InvalidMutation

if TYPE_CHECKING:
    from support.images import Pushing

TAR = tar_of({"a": b"1" * 5000})
OPENED: list[str] = []


@frozen
class Named(li.Source):
    """Bytes by name, counted when opened."""

    name: str

    def describe(self) -> str:
        return f"the bytes called {self.name}"

    def open(self) -> io.BytesIO:
        OPENED.append(self.name)
        return io.BytesIO(TAR if self.name == "tar" else gzip.compress(TAR, mtime=0))


@frozen
class Broken(Named):
    """Cannot be opened."""

    def open(self) -> io.BytesIO:
        raise ZeroDivisionError(self.name)


class Whole:
    """Derives from nothing, and can be opened once."""

    one_shot = True

    def describe(self) -> str:
        return "what comes once"

    def open(self) -> io.BytesIO:
        return io.BytesIO(TAR)


class Shapeless(Whole):
    """Has no structure to make a key of."""

    one_shot = False


@pytest.fixture(autouse=True)
def _nothing_opened() -> None:
    """Count anew."""
    OPENED.clear()


def test_it_is_opened_once_in_a_write(app: Pushing) -> None:
    """And not while composing, nor when looked at; its tar is compressed on the way."""
    layer = li.Layer.from_source(Named("tar"))
    image = li.Image.empty().append(layer)
    assert all((repr(layer), layer.key, str(image.plan("a.example/b:1")), layer._repr_html_()))
    assert "Named(name='tar')" in repr(layer)
    assert not OPENED
    result = image.write(f"{app.host}/app:1")
    assert OPENED == ["tar"]
    assert (result.opened, result.bytes_read) == (1, len(TAR))
    assert gzip.decompress(app.bytes(app.json("1")["layers"][0])) == TAR


def test_it_is_known_by_its_fields() -> None:
    """Equal sources make equal layers, also after a pickle went round."""
    layer = li.Layer.from_source(Named("tar"))
    assert layer == li.Layer.from_source(Named("tar"))
    assert layer != li.Layer.from_source(Named("blob"))
    assert pickle.loads(pickle.dumps(layer)) == layer  # noqa: S301 - our own
    assert layer.digest() == li.Layer.from_bytes(TAR).digest()


def test_a_blob_is_kept() -> None:
    """With `compression=None`."""
    layer = li.Layer.from_source(Named("blob"), compression=None)
    assert layer.digest() == li.Digest.of(gzip.compress(TAR, mtime=0))
    assert layer.diff_id() == li.Digest.of(TAR)


def test_what_it_raises_comes_out(app: Pushing) -> None:
    """As it is, with where it was composed."""
    with pytest.raises(ZeroDivisionError) as raised:
        li.Image.empty().append(li.Layer.from_source(Broken("x"))).write(f"{app.host}/app:1")
    assert any("test_own_source.py" in note for note in raised.value.__notes__)


def test_what_comes_once_is_for_streams() -> None:
    """Refused while composing: nobody would know who reads it."""
    with pytest.raises(InvalidMutation, match=r"what comes once .* Layer\.from_stream"):
        li.Layer.from_source(Whole())


def test_what_has_no_structure_has_no_key() -> None:
    """The error says what to do."""
    with pytest.raises(TypeError, match="Opaque"):
        _ = li.Layer.from_source(Shapeless()).key
