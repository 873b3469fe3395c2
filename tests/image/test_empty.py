"""Images of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lazyimg as li
from lazyimg.errors import InvalidPlatform

if TYPE_CHECKING:
    from support.images import Pushing


def test_it_says_only_what_it_would_run_on() -> None:
    """No layer, no time, no history: the same bytes for ever."""
    image = li.Image.empty()
    assert image.layers() == ()
    assert image.config().to_bytes() == (
        b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    )
    assert image.digest() == li.Image.empty("linux/amd64").digest()


@pytest.mark.parametrize("platform", ["linux/arm/v7", li.Platform.parse("linux/arm/v7")])
def test_a_platform_is_a_text_or_a_value(platform: str | li.Platform) -> None:
    """All of it stands in the config."""
    assert str(li.Image.empty(platform).config().platform) == "linux/arm/v7"


def test_windows_has_a_version() -> None:
    """The version of the system stands in the config too."""
    platform = li.Platform(os="windows", architecture="amd64", os_version="10.0.17763.1")
    assert li.Image.empty(platform).config().os_version == "10.0.17763.1"


def test_nonsense_is_refused_while_composing() -> None:
    """A text that is no platform is refused at once."""
    with pytest.raises(InvalidPlatform):
        li.Image.empty("!")


@pytest.mark.parametrize(
    ("docker", "types"),
    [
        (
            False,
            [
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "application/vnd.oci.image.layer.v1.tar",
            ],
        ),
        (
            True,
            [
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "application/vnd.docker.image.rootfs.diff.tar",
            ],
        ),
    ],
)
def test_media_types_are_of_one_family(app: Pushing, docker: bool, types: list[str]) -> None:  # noqa: FBT001
    """OCI's by default, Docker's where it is said; also those of appended layers."""
    files = {"/a": b"a"}
    layers = [li.Layer.from_files(files), li.Layer.from_files(files, compression=li.Uncompressed())]
    li.Image.empty(docker=docker).append(*layers).write(f"{app.host}/app:1")
    found = app.json("1")
    assert [found["mediaType"], *(one["mediaType"] for one in (found["config"], *found["layers"]))] == types
