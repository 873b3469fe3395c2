"""The page about handing an image over is true: its examples and commands run, with buildah itself."""

import os
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
def buildah_settings(page_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let buildah keep to the test's directory, and run commands in a chroot; give its list of registries."""
    storage = page_directory.parent / "storage"
    settings = page_directory.parent / "storage.conf"
    settings.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{storage}/root"\nrunroot = "{storage}/run"\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(settings))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    home = page_directory.parent / ".config" / "containers"
    home.mkdir(parents=True)
    return home / "registries.conf"


@pytest.mark.peer
def test_hand_over(buildah_settings: Path) -> None:
    """An image written to a layout is built on by buildah, pushed, read back, annotated and written."""
    need("buildah", "buildah")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("buildah needs to mount, which this user may not: run as root, or in `buildah unshare`")
    before, after = examples_of(PAGE)
    with li.Registry() as registry:
        shell().write(f"{registry.host}/base:1")
        buildah_settings.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        namespace = ModuleType("page").__dict__ | {"registry": registry}
        before.run(namespace)
        for command in commands_of(PAGE):
            subprocess.run(["sh", "-ec", command], env=os.environ | {"REGISTRY": registry.host}, check=True)
        after.run(namespace)
        final = li.Image.from_registry(f"{registry.host}/final:1")
        assert final.manifest().annotations["org.opencontainers.image.title"] == "built"
        assert len(final.manifest().layers) == len(shell().manifest().layers) + 2
        assert [blob.digest for blob in namespace["result"].uploaded] == [final.digest()]
