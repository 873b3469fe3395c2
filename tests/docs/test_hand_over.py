"""The page about handing an image over is true: its examples and commands run, with buildah itself."""

import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from support.pages import ROOT, commands_of, examples_of
from support.programs import need

import lazyimg as li

PAGE = ROOT / "docs/hand-over.md"


def shell() -> li.Image:
    """Give an image that holds this machine's shell, and the libraries that it needs."""
    listed = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout
    paths = ["/bin/sh", *re.findall(r"(/\S+)", listed)]
    return li.Image.empty().append(li.Layer.from_files({path: Path(path).resolve() for path in paths}))


@pytest.fixture
def _buildah_settings(page_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let buildah keep to the test's directory, and run commands in a chroot."""
    storage = page_directory.parent / "storage"
    settings = page_directory.parent / "storage.conf"
    settings.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{storage}/root"\nrunroot = "{storage}/run"\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(settings))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")


@pytest.mark.peer
@pytest.mark.usefixtures("_buildah_settings")
def test_hand_over() -> None:
    """An image written to a layout is built on by buildah, read back, annotated and written."""
    need("buildah", "buildah")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("buildah needs to mount, which this user may not: run as root, or in `buildah unshare`")
    before, after = examples_of(PAGE)
    with li.Registry() as registry:
        shell().write(f"{registry.host}/base:1")
        namespace = ModuleType("page").__dict__ | {"registry": registry}
        before.run(namespace)
        for command in commands_of(PAGE):
            subprocess.run(["sh", "-ec", command], check=True)
        after.run(namespace)
        final = li.Image.from_registry(f"{registry.host}/app:1")
        handed_over = li.Image.from_layout("out", "v1")
        assert final.manifest().annotations["org.opencontainers.image.title"] == "built"
        assert final.config().working_dir == handed_over.config().working_dir
        assert len(final.manifest().layers) == len(handed_over.manifest().layers) + 1
