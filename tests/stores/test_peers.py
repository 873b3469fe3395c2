"""Layouts that lazyimg wrote, read by programs we did not write."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.programs import need

import lazyimg as li

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.peer


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Give a layout with two images and three tags."""
    layout = tmp_path / "layout"
    first = (
        li.Image.empty("linux/arm64/v8")
        .append(li.Layer.from_files({"/etc/motd": b"hello\n", "/bin/tool": b"#!/bin/sh\n"}, mode=0o755))
        .configure(env={"MODE": "prod"}, labels={"who": "me"}, workdir="/app", cmd=["/bin/tool"])
    )
    first.write(li.OCILayout(layout, tag=("v1", "stable")))
    first.append(li.Layer.from_files({"/etc/motd": b"goodbye\n"})).write(li.OCILayout(layout, tag="v2"))
    return layout


def test_skopeo_inspects(written: Path) -> None:
    """The digest, the config and the layers are those that were written."""
    skopeo = need("skopeo", "skopeo")
    seen = json.loads(subprocess.check_output([skopeo, "inspect", f"oci:{written}:v1"]))
    assert (seen["Architecture"], seen["Os"]) == ("arm64", "linux")
    assert (seen["Env"], seen["Labels"]) == (["MODE=prod"], {"who": "me"})
    again = json.loads(subprocess.check_output([skopeo, "inspect", f"oci:{written}:stable"]))
    assert again["Digest"] == seen["Digest"]


def test_skopeo_copies_and_we_agree_on_the_digest(written: Path, tmp_path: Path) -> None:
    """A copy to an archive and back has the same manifest."""
    skopeo = need("skopeo", "skopeo")
    subprocess.check_output([skopeo, "copy", f"oci:{written}:v2", f"oci:{tmp_path}/copy:v2"])
    first, second = (
        json.loads(subprocess.check_output([skopeo, "inspect", f"oci:{layout}:v2"]))["Digest"]
        for layout in (written, tmp_path / "copy")
    )
    assert first == second


def test_umoci_unpacks(written: Path, tmp_path: Path) -> None:
    """The upper layer's file is the one that is seen, with mode and content."""
    umoci = need("umoci", "umoci")
    rootless = [] if os.getuid() == 0 else ["--rootless"]
    subprocess.check_output([umoci, "unpack", *rootless, "--image", f"{written}:v2", tmp_path / "bundle"])
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "etc/motd").read_bytes() == b"goodbye\n"
    assert (root / "bin/tool").stat().st_mode & 0o777 == 0o755


def test_umoci_adds_to_it_and_we_go_on(written: Path) -> None:
    """What umoci changed in the layout survives our next write."""
    umoci = need("umoci", "umoci")
    subprocess.check_output([umoci, "tag", "--image", f"{written}:v1", "umoci-was-here"])
    li.Image.empty().write(li.OCILayout(written, tag="v3"))
    listed = subprocess.check_output([umoci, "ls", "--layout", written], text=True).split()
    assert set(listed) == {"v1", "v2", "v3", "stable", "umoci-was-here"}
    subprocess.check_output([umoci, "gc", "--layout", written])
    subprocess.check_output([umoci, "stat", "--image", f"{written}:v3"])
