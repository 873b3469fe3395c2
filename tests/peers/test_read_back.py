"""What lazyimg pushes to Debian's docker-registry, read back file by file by programs we did not write."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.docker_registry import DockerRegistry
    from support.token_server import TokenServer

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

MOTD = b"welcome\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a directory with what layers are made of: modes, links, long and foreign names."""
    root = tmp_path / "dist"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_bytes(some_bytes(3 << 20))
    (root / "bin/tool").chmod(0o755)
    (root / "empty").touch()
    (root / "data").mkdir(mode=0o700)
    (root / "data" / ("long-" * 30 + "name.txt")).write_text("long")
    (root / "data/naïve-名.txt").write_text("not ASCII")
    os.link(root / "bin/tool", root / "bin/same")
    (root / "bin/link").symlink_to("tool")
    return root


@pytest.fixture
def image(tree: Path) -> li.Image:
    """Compose an image of two layers and a config."""
    return (
        li.Image.empty()
        .append(li.Layer.from_files({"/etc/motd": MOTD}))
        .append(li.Layer.from_directory(tree, at="/app"))
        .configure(env={"MODE": "prod"}, entrypoint=["/app/bin/tool"], labels={"who": "me"}, user="1000")
        .annotate({"org.opencontainers.image.title": "app"})
    )


def said_of(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Give for each path of a tree its kind, its permission bits and its content or target."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            kind, content = "link", os.fsencode(path.readlink())
        elif stat.S_ISDIR(info.st_mode):
            kind, content = "directory", b""
        else:
            kind, content = "file", path.read_bytes()
        found[str(path.relative_to(root))] = kind, stat.S_IMODE(info.st_mode) & 0o777, content
    return found


def check_read_back(
    host: str, repository: str, skopeo: Skopeo, unpack: Callable[[str], Path], tree: Path, *flags: str
) -> None:
    """Read an image back by inspect, copy and unpack, and compare it with what it was made of."""
    source = f"docker://{host}/{repository}:1"
    seen = skopeo.inspect(source, *(flag.replace("--src-creds", "--creds") for flag in flags))
    assert (seen["Env"], seen["Labels"]) == (["MODE=prod"], {"who": "me"})
    layout = tree.parent / "copied"
    skopeo.copy(source, f"oci:{layout}:1", *flags)
    rootfs = unpack(f"{layout}:1")
    assert said_of(rootfs / "app") == said_of(tree)
    assert (rootfs / "app/bin/tool").stat().st_ino == (rootfs / "app/bin/same").stat().st_ino
    assert (rootfs / "etc/motd").read_bytes() == MOTD


def test_an_open_registry(
    docker_registry: DockerRegistry,
    repository: str,
    image: li.Image,
    tree: Path,
    skopeo: Skopeo,
    unpack: Callable[[str], Path],
) -> None:
    """An image pushed to an open registry is what skopeo and umoci find there."""
    result = image.write(f"{docker_registry.host}/{repository}:1")
    assert result.targets[0].attempts == len(result.uploaded)
    assert skopeo.inspect(f"docker://{docker_registry.host}/{repository}:1")["Digest"] == result.digest
    check_read_back(docker_registry.host, repository, skopeo, unpack, tree)


def test_basic_authentication(
    basic_registry: DockerRegistry,
    repository: str,
    image: li.Image,
    tree: Path,
    skopeo: Skopeo,
    unpack: Callable[[str], Path],
    users: dict[str, str],
) -> None:
    """The same with a user and a password."""
    (user, password), host = next(iter(users.items())), basic_registry.host
    with li.Engine(keychain=li.StaticKeychain({host: (user, password)})):
        image.write(f"{host}/{repository}:1")
    check_read_back(host, repository, skopeo, unpack, tree, f"--src-creds={user}:{password}")


def test_token_authentication(
    token_registry: DockerRegistry,
    token_server: TokenServer,
    repository: str,
    image: li.Image,
    tree: Path,
    skopeo: Skopeo,
    unpack: Callable[[str], Path],
) -> None:
    """The same with tokens that a service signs."""
    image.write(f"{token_registry.host}/{repository}:1")
    assert token_server.asked[0] == [f"repository:{repository}:pull,push"]
    check_read_back(token_registry.host, repository, skopeo, unpack, tree)


def test_zstd_layers(docker_registry: DockerRegistry, repository: str, tree: Path, skopeo: Skopeo) -> None:
    """A zstd layer pushed is one that skopeo reads, verifies and decompresses."""
    layer = li.Layer.from_directory(tree, compression=li.Zstd())
    plain = li.Layer.from_directory(tree, compression=li.Uncompressed())
    name = f"{docker_registry.host}/{repository}"
    li.Image.empty().append(layer, plain).write(f"{name}:1")
    target = tree.parent / "plain"
    skopeo.copy(f"docker://{name}:1", f"dir:{target}", "--dest-decompress")
    names = {path.name for path in target.iterdir()}
    assert plain.digest().encoded in names


def test_a_layout_is_read_by_umoci(image: li.Image, tree: Path, unpack: Callable[[str], Path]) -> None:
    """An image written to an OCI layout unpacks to what it was made of."""
    layout = tree.parent / "layout"
    image.write(li.OCILayout(layout, tag="v1"))
    assert said_of(unpack(f"{layout}:v1") / "app") == said_of(tree)
