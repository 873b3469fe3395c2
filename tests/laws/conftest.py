"""What the tests of the laws look with: registries that record, and a recorder of effects.

The laws are tested from outside: by what the interpreter audits, what a registry was asked, what a source
gave. Nothing of lazyimg is replaced.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from laws.audit import Recorder

import lazyimg as li
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.history import History
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


@pytest.fixture
def new_registry() -> Iterator[Callable[..., li.Registry]]:
    """Give a function that starts an embedded registry; all are stopped at the end."""
    with ExitStack() as stack:
        yield lambda *args, **settings: stack.enter_context(li.Registry(*args, **settings))


@pytest.fixture
def registry(new_registry: Callable[..., li.Registry]) -> li.Registry:
    """Give an embedded registry, open to everybody, that records what it is asked."""
    return new_registry()


@pytest.fixture(autouse=True)
def _own_engine() -> Iterator[None]:
    """Let each test have an engine of its own, so that none meets another's connections."""
    with li.Engine():
        yield


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Give a recorder of what the interpreter audits."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def push_base() -> Callable[..., Digest]:
    """Give a function that puts an image of some layers into a registry, without lazyimg's own writing."""
    return _push_base


def _push_base(host: str, repository: str, tag: str = "1", *, layers: int = 2, size: int = 100) -> Digest:
    blobs = [b"layer %d of %s " % (n, repository.encode()) + bytes(size) for n in range(layers)]
    config = ConfigFile.new(architecture="amd64", os="linux")
    config = config.with_diff_ids(tuple(Digest.of(b"tar of " + blob) for blob in blobs))
    config = config.with_history(tuple(History(created_by="base") for _ in blobs))
    data = config.to_bytes()
    with li.registry.Client(host) as client:
        for blob in (*blobs, data):
            client.begin_upload(repository).put(blob, Digest.of(blob), len(blob))
        described = [_descriptor(OCI_LAYER_GZIP, blob) for blob in blobs]
        manifest = Manifest.new(
            media_type=OCI_MANIFEST, config=_descriptor(OCI_CONFIG, data), layers=tuple(described)
        )
        return client.put_manifest(repository, tag, manifest.to_bytes(), OCI_MANIFEST)


def _descriptor(media_type: str, data: bytes) -> Any:
    return Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))
