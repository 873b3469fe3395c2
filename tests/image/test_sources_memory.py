"""Peak memory of reading sources does not grow with their layers."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from laws import apart

import lazyimg as li

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MIB = 1 << 20
SMALL, LARGE = 16 * MIB, 200 * MIB
ALLOWED = 60 * MIB

WRITE = """
import sys, lazyimg as li
from pathlib import Path
kind, source, target = sys.argv[1:4]
images = {
    "archive": lambda: li.Image.from_archive(source),
    "blob": lambda: li.Image.empty().append(li.Layer.from_registry(source)),
    "random": lambda: li.Image.random(1, size=int(source)),
}
with li.Engine(scratch=sys.argv[4]):
    images[kind]().write(target)
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(peak.split()[1])  # unlike ru_maxrss, no word of the process that started this one
"""


def peak(*arguments: object) -> int:
    """Return the peak of the resident memory of a process that writes an image, in bytes."""
    return int(apart.run(WRITE, *arguments, timeout=100)) * 1024


def saved(path: Path, size: int, *, packed: bool = False) -> Path:
    """Make an archive of docker save with one layer: zeros, which take no space on the disk."""
    diff_id = hashlib.sha256()
    for _ in range(size // MIB):
        diff_id.update(bytes(MIB))
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff_id.hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    manifest = json.dumps([{"Config": "c.json", "Layers": ["layer.tar"]}]).encode()
    with path.open("wb") as file:
        for name, data in (("c.json", config), ("manifest.json", manifest)):
            head = tarfile.TarInfo(name)
            head.size = len(data)
            file.write(head.tobuf() + data + bytes(-len(data) % 512))
        head = tarfile.TarInfo("layer.tar")
        head.size = size
        file.write(head.tobuf())
        file.truncate(file.tell() + size + 1024)
    if packed:
        with path.open("rb") as file, gzip.open(f"{path}.gz", "wb", 1) as out:
            while data := file.read(MIB):
                out.write(data)
        path.with_name(f"{path.name}.gz").replace(path)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001 - a parameter
    """Read by offset; a compressed one goes through scratch space."""
    with li.Registry(tmp_path / "registry") as registry:
        small, large = (
            peak("archive", saved(tmp_path / "a.tar", size, packed=packed), f"{registry.host}/a:1", tmp_path)
            for size in (SMALL, LARGE)
        )
    assert large - small < ALLOWED, f"{small / MIB:.0f} MiB, then {large / MIB:.0f} MiB"


def test_a_blob_that_is_looked_into_while_it_is_copied(tmp_path: Path) -> None:
    """From one registry to another."""
    with li.Registry(tmp_path / "one") as one, li.Registry(tmp_path / "two") as two:
        peaks = []
        for size in (SMALL, LARGE):
            with (tmp_path / "zeros").open("wb") as file:
                file.truncate(size)
            layer = li.Layer.from_tar(tmp_path / "zeros", compression=li.Uncompressed())
            li.Image.empty().append(layer).write(f"{one.host}/a:1")
            peaks.append(peak("blob", f"{one.host}/a@{layer.digest()}", f"{two.host}/b:1", tmp_path))
    assert peaks[1] - peaks[0] < ALLOWED, f"{peaks[0] / MIB:.0f} MiB, then {peaks[1] / MIB:.0f} MiB"


def test_random_bytes(tmp_path: Path) -> None:
    """Made as they are read."""
    with li.Registry(tmp_path / "registry") as registry:
        small, large = (peak("random", size, f"{registry.host}/a:1", tmp_path) for size in (SMALL, LARGE))
    assert large - small < ALLOWED, f"{small / MIB:.0f} MiB, then {large / MIB:.0f} MiB"
