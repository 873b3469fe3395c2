"""A proxy that cuts uploads to Debian's docker-registry, which drops an upload that was cut."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.docker_registry import DockerRegistry
    from support.front import Front

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

SIZE = 24 << 20


@pytest.fixture
def tar() -> bytes:
    """Make a tar of one large file that does not compress."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("data")
        entry.size = SIZE
        archive.addfile(entry, io.BytesIO(some_bytes(SIZE, seed=3)))
    return buffer.getvalue()


class Pipe:
    """A stream that can be read once, in odd pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        data = self._data.read(min(size, 77_777))
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize("after", [1, 5 << 20, 23 << 20])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_cut_upload_arrives_whole(
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    skopeo: Skopeo,
    tmp_path: Path,
    tar: bytes,
    kind: str,
    after: int,
) -> None:
    """A file is opened again, a one-shot stream comes from scratch space; both arrive whole."""
    (tmp_path / "layer.tar").write_bytes(tar)
    pipe = Pipe(tar)
    layer = li.Layer.from_tar(tmp_path / "layer.tar") if kind == "file" else li.Layer.from_stream(pipe)
    proxy = front(docker_registry.host)
    proxy.cut(after, method="PATCH", times=2)
    result = li.Image.empty().append(layer).write(f"{proxy.host}/{repository}:1")
    assert result.targets[0].attempts > len(result.uploaded)
    if kind == "stream":
        assert (pipe.bytes_read, result.opened, result.bytes_read) == (len(tar), 1, len(tar))
    skopeo.copy(
        f"docker://{docker_registry.host}/{repository}:1", f"dir:{tmp_path / 'back'}", "--dest-decompress"
    )
    assert tar in [path.read_bytes() for path in (tmp_path / "back").iterdir()]


def test_a_retry_is_an_event(
    docker_registry: DockerRegistry, front: Callable[[str], Front], repository: str, tar: bytes
) -> None:
    """Who observes the engine is told how many attempts a layer took."""
    proxy = front(docker_registry.host)
    proxy.cut(1 << 20, method="PATCH")
    told = []
    layer = li.Layer.from_opener(lambda: io.BytesIO(tar))
    with li.Engine(on_event=told.append):
        li.Image.empty().append(layer).write(f"{proxy.host}/{repository}:1")
    attempts = [event.detail["attempts"] for event in told if getattr(event, "what", "") == "uploaded"]
    assert max(attempts) == 2
