"""Merged layers, by programs we did not write: umoci unpacks the image, GNU tar what it was merged into."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from support.bodies import some_bytes
from support.layers import file, hardlink, is_root, layer, member, stacks, symlink
from support.programs import need

import lazyimg as li
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.front import Front

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

LAYERS = [
    layer(
        member("usr/", mode=0o755, mtime=1),
        member("usr/lib/", mode=0o750, uid=1, gid=2),
        file("usr/lib/tool", b"tool" * 50_000, mode=0o4755, uid=3, gid=4, mtime=5),
        hardlink("usr/lib/same", "usr/lib/tool"),
        symlink("lib", "usr/lib", mtime=6),
        file("etc/gone", b"x"),
        file("opt/old/x", b"x"),
        file("replaced", b"x"),
        file("dir/x", b"x"),
        file("naïve/" + "long-" * 30, b"long", mtime=7),
    ),
    layer(
        "etc/.wh.gone",
        file("lib/more", b"through the link", mtime=8),
        "usr/lib/.wh.tool",
        "opt/old/",
        file("opt/old/new", b"new"),
        "opt/old/.wh..wh..opq",
        "replaced/",
        file("replaced/inside", b"y"),
    ),
    layer(file("./etc/motd", b"one"), file("/etc/motd", b"two", mode=0o600), symlink("dir", "/usr")),
]


def said_of(root: Path) -> dict[str, tuple[Any, ...]]:
    """Give for each path of a tree all that a container sees; as root owners, too."""
    found: dict[str, tuple[Any, ...]] = {}
    first: dict[int, str] = {}
    for path in sorted(root.rglob("*"), key=os.fsencode):
        name, status = str(path.relative_to(root)), path.lstat()
        owner = (status.st_uid, status.st_gid) if os.geteuid() == 0 else ()
        if stat.S_ISLNK(status.st_mode):
            found[name] = ("link", os.fsencode(path.readlink()))
        elif stat.S_ISDIR(status.st_mode):
            found[name] = ("directory", stat.S_IMODE(status.st_mode), *owner)
        elif stat.S_ISREG(status.st_mode):
            shared = first.setdefault(status.st_ino, name)
            told = (stat.S_IMODE(status.st_mode), status.st_mtime, path.read_bytes(), shared)
            found[name] = ("file", *told, *owner)
        else:
            found[name] = (stat.S_IFMT(status.st_mode), status.st_rdev)
    return found


@pytest.fixture
def image(tmp_path: Path) -> li.Image:
    """Compose an image of layers that hide, replace and link."""
    made = []
    for number, data in enumerate(LAYERS):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(data)
        made.append(li.Layer.from_tar(path))
    return li.Image.empty().append(*made)


def untarred(path: Path, into: Path) -> dict[str, tuple[Any, ...]]:
    """Extract a tar with GNU tar, and say what is there."""
    into.mkdir()
    command = [need("tar", "tar"), "--same-permissions", "--numeric-owner", "-C", str(into), "-xf", str(path)]
    subprocess.run(command, check=True)
    return said_of(into)


def test_umoci_and_tar_agree(image: li.Image, unpack: Callable[[str], Path], tmp_path: Path) -> None:
    """The image unpacked by umoci, it flattened, and its export extracted by GNU tar are the same tree."""
    layout = tmp_path / "layout"
    image.write(li.OCILayout(layout, "as-it-is"))
    expected = said_of(unpack(f"{layout}:as-it-is"))
    assert expected["usr/lib/same"][3] == b"tool" * 50_000
    assert "usr/lib/more" in expected
    image.flatten().write(li.OCILayout(layout, "flat"))
    image.squash(1).write(li.OCILayout(layout, "squashed"))
    for tag in ("flat", "squashed"):
        assert said_of(unpack(f"{layout}:{tag}")) == expected
    image.export(tmp_path / "rootfs.tar")
    assert untarred(tmp_path / "rootfs.tar", tmp_path / "untarred") == expected
    image.files().extract(tmp_path / "extracted")
    assert said_of(tmp_path / "extracted") == expected


def test_other_times_unpack_the_same(image: li.Image, unpack: Callable[[str], Path], tmp_path: Path) -> None:
    """With other times, and in another compression, umoci sees the same files, but for their times."""
    layout = tmp_path / "layout"
    image.with_times(1_000_000_000).write(li.OCILayout(layout, "then"))
    image.write(li.OCILayout(layout, "as-it-is"))
    found = said_of(unpack(f"{layout}:then"))
    expected = said_of(unpack(f"{layout}:as-it-is"))
    times = {entry[2] for entry in found.values() if entry[0] == "file"}
    assert times == {1_000_000_000}
    for tree in (found, expected):
        tree.update({name: (*entry[:2], *entry[3:]) for name, entry in tree.items() if entry[0] == "file"})
    assert found == expected


@pytest.mark.parametrize("compression", [li.Zstd(), li.Uncompressed()], ids=lambda one: one.name)
def test_skopeo_takes_other_compressions(
    image: li.Image, compression: Any, skopeo: Skopeo, unpack: Callable[[str], Path], tmp_path: Path
) -> None:
    """What was recompressed, skopeo compresses again with gzip, and it is the same tree."""
    layout = tmp_path / "layout"
    image.recompress(compression).write(li.OCILayout(layout, "other"))
    flags = ["--dest-compress", "--dest-compress-format=gzip"]
    skopeo.copy(f"oci:{layout}:other", f"oci:{tmp_path / 'copied'}:1", *flags)
    image.write(li.OCILayout(layout, "as-it-is"))
    assert said_of(unpack(f"{tmp_path / 'copied'}:1")) == said_of(unpack(f"{layout}:as-it-is"))


def leaves_a_directory_unsaid(layer: bytes) -> bool:
    """Tell whether a layer removes a directory and fills it anew without an entry for the directory itself.

    Nobody says its mode then: umoci keeps the removed one's if the whiteout or the opaque marker comes last.
    """
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        names = [PurePosixPath("/", entry.name) for entry in archive]
    removed = {path.with_name(path.name[4:]) for path in names if path.name.startswith(".wh.")}
    emptied = {path.parent for path in names if path.name == ".wh..wh..opq"}
    unsaid = {parent for path in names for parent in path.parents} - {*names, PurePosixPath("/")}
    return any({one, *one.parents} & removed or {*one.parents} & emptied for one in unsaid)


@is_root
@settings(max_examples=15)
@given(stacks())
def test_umoci_agrees_at_random(layers: list[bytes]) -> None:
    """Whatever umoci can unpack at all, it unpacks to the same tree when it is flattened."""
    assume(not any(map(leaves_a_directory_unsaid, layers)))
    program = need("umoci", "umoci")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        made = []
        for number, data in enumerate(layers):
            path = directory / f"{number}.tar"
            path.write_bytes(data)
            made.append(li.Layer.from_tar(path))
        image, layout = li.Image.empty().append(*made), directory / "layout"
        image.write(li.OCILayout(layout, "as-it-is"))

        def unpacked(tag: str) -> bool:
            command = [program, "unpack", "--image", f"{layout}:{tag}", str(directory / tag)]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

        assume(unpacked("as-it-is"))
        try:
            image.flatten().write(li.OCILayout(layout, "flat"))
        except InvalidContent:
            assume(False)  # noqa: FBT003 - hypothesis' own
        assert unpacked("flat")
        assert said_of(directory / "flat/rootfs") == said_of(directory / "as-it-is/rootfs")


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_cut_upload_of_merged_layers(
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    tmp_path: Path,
    kind: str,
) -> None:
    """What is merged is merged again if the upload breaks, or comes from scratch space if it cannot be."""
    data = layer(file("large", some_bytes(24 << 20, seed=5)))
    (tmp_path / "large.tar").write_bytes(data)

    def large() -> li.Layer:
        if kind == "file":
            return li.Layer.from_tar(tmp_path / "large.tar")
        return li.Layer.from_stream(io.BytesIO(data))

    proxy = front(docker_registry.host)
    proxy.cut(23 << 20, method="PATCH", times=1)
    upper = li.Layer.from_files({"/small": b"x"})
    flat = li.Image.empty().append(large(), upper).flatten()
    result = flat.write(f"{proxy.host}/{repository}:1")
    assert result.targets[0].attempts > len(result.uploaded)
    assert result.opened == (2 if kind == "stream" else 4)
    found = li.Image.from_registry(f"{docker_registry.host}/{repository}:1").files()
    assert list(found) == ["/large", "/small"]
    assert found["/large"].read() == some_bytes(24 << 20, seed=5)
