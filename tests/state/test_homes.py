"""Homes: where blobs rest whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lazyimg as li
from lazyimg.errors import ContentMismatch, LayoutError, NotFound
from lazyimg.oci.media_type import OCI_LAYER
from lazyimg.runtime import Runtime, Settings, Work
from lazyimg.state.contents import Stored
from lazyimg.state.homes import LayoutHome, RegistryHome
from lazyimg.state.image_state import StoredBlob
from lazyimg.stores.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = bytes(range(256)) * 4096
BLOB = li.Descriptor(media_type=OCI_LAYER, digest=li.Digest.of(DATA), size=len(DATA))


@pytest.fixture
def work() -> Iterator[Work]:
    """Give what one run works with."""
    runtime = Runtime(Settings())
    yield Work(runtime)
    runtime.close()


@pytest.fixture(params=["registry", "layout"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegistryHome | LayoutHome]:
    """Give a home of each kind, with one blob in it."""
    if request.param == "layout":
        layout = Layout(tmp_path)
        layout.create()
        layout.write_blob([DATA], lambda: BLOB.digest)
        yield LayoutHome(tmp_path)
        return
    with li.Registry() as registry:
        with li.registry.Client(registry.host) as client:
            client.begin_upload("base").put(DATA, BLOB.digest, len(DATA))
        yield RegistryHome(li.Reference.parse(f"{registry.host}/base").without_identifier())


@pytest.mark.parametrize("offset", [0, 1, 1 << 19, len(DATA) - 1, len(DATA)])
def test_a_blob_is_read_from_anywhere(home: RegistryHome | LayoutHome, work: Work, offset: int) -> None:
    """Its bytes from the offset, and no others."""
    assert b"".join(bytes(chunk) for chunk in home.chunks(BLOB, offset, work)) == DATA[offset:]


def test_a_small_blob_is_read_whole(home: RegistryHome | LayoutHome, work: Work) -> None:
    """Up to a limit."""
    assert home.fetch(BLOB, len(DATA), work) == DATA
    with pytest.raises(ContentMismatch, match="limit"):
        home.fetch(BLOB, len(DATA) - 1, work)


def test_what_is_not_there_is_told(home: RegistryHome | LayoutHome, work: Work) -> None:
    """As a LookupError, in both."""
    absent = BLOB.replace(digest=li.Digest.of(b"absent"))
    with pytest.raises(LookupError):
        home.fetch(absent, len(DATA), work)


def test_what_is_not_as_declared_is_refused(home: RegistryHome | LayoutHome, work: Work) -> None:
    """Another size is another blob."""
    with pytest.raises((ContentMismatch, NotFound)):
        home.fetch(BLOB.replace(size=len(DATA) + 1), len(DATA) + 1, work)


def test_it_says_where(home: RegistryHome | LayoutHome) -> None:
    """As a person names it."""
    assert str(home) in {str(getattr(home, "path", None)), f"{getattr(home, 'repository', '')}"}


def test_the_thunk_of_a_blob_reads_nothing(tmp_path: Path) -> None:
    """Its value is where it rests."""
    stored = Stored(LayoutHome(tmp_path / "absent"), BLOB)
    assert li.Engine().force(StoredBlob(stored)) is stored


def test_a_damaged_layout_is_told(tmp_path: Path, work: Work) -> None:
    """Bytes that are not what their name says, links, and directories are all refused."""
    layout = Layout(tmp_path)
    layout.create()
    home = LayoutHome(tmp_path)
    layout.write_blob([bytes(len(DATA))], lambda: BLOB.digest)
    with pytest.raises(ContentMismatch, match="damaged"):
        home.fetch(BLOB, len(DATA), work)
    path = layout.blob(BLOB.digest)
    path.unlink()
    path.symlink_to(tmp_path / "oci-layout")
    with pytest.raises(LayoutError, match="is no regular file"):
        home.fetch(BLOB, len(DATA), work)
    path.unlink()
    path.mkdir()
    with pytest.raises(LayoutError, match="is no regular file"):
        home.fetch(BLOB, len(DATA), work)


def test_what_is_read_of_this_machine_is_counted(tmp_path: Path, work: Work) -> None:
    """As of every local source."""
    layout = Layout(tmp_path)
    layout.create()
    layout.write_blob([DATA], lambda: BLOB.digest)
    LayoutHome(tmp_path).fetch(BLOB, len(DATA), work)
    assert (work.counters.opened, work.counters.bytes_read) == (1, len(DATA))
