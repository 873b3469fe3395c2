"""Logins are shared with skopeo, buildah and podman: they read ours, and we read theirs."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import need

import lazyimg as li
from lazyimg.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures("no_logins")]
SECRET = "s3cret-passw0rd"
TOOLS = ["skopeo", "buildah", "podman"]


@pytest.fixture(scope="module", params=[False, True], ids=["password", "token"])
def registry(request: Any) -> Iterator[li.Registry]:
    """Give a registry with an image that one user alone can read: by a password, or by a token for it."""
    with li.Registry(users={"me": SECRET}, token=request.param) as running:
        with li.Engine(keychain=li.StaticKeychain({running.host: ("me", SECRET)})):
            li.Image.empty("linux/amd64").write(f"{running.host}/team/app:1")
        yield running


def run(tool: str, *arguments: str, told: str = "") -> str:
    """Run a tool, and return what it printed."""
    command = [need(tool, tool), *arguments]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(registry: li.Registry, auth_file: Path) -> str:
    """Read the image with skopeo, by the credentials of a file."""
    image = f"docker://{registry.host}/team/app:1"
    seen = json.loads(run("skopeo", "inspect", "--tls-verify=false", f"--authfile={auth_file}", image))
    return str(seen["Digest"])


@pytest.mark.parametrize("namespace", ["", "/team", "/team/app"])
def test_skopeo_reads_with_our_login(registry: li.Registry, tmp_path: Path, namespace: str) -> None:
    """What we keep opens the registry for skopeo: a password or an identity token, of all or of a part."""
    path = tmp_path / "auth.json"
    li.login(registry.host + namespace, "me", SECRET, auth_file=path)
    with li.Engine(keychain=li.DockerKeychain(path)):
        assert read(registry, path) == li.Image.from_registry(f"{registry.host}/team/app:1").digest()


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_know_our_login(tmp_path: Path, tool: str) -> None:
    """Each tool says who is logged in, and logs out of it."""
    path = tmp_path / "auth.json"
    with li.Registry(users={"me": SECRET}) as registry:
        li.login(registry.host, "me", SECRET, auth_file=path)
        assert run(tool, "login", f"--authfile={path}", "--get-login", registry.host) == "me\n"
        run(tool, "logout", f"--authfile={path}", registry.host)
        assert not li.logout(registry.host, auth_file=path)


@pytest.mark.parametrize("tool", TOOLS)
def test_we_know_their_login(tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each tool keeps, in the file of its choice, opens the registry for us; we log out of it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    flags = ("--tls-verify=false", "--username=me", "--password-stdin")
    with li.Registry(users={"me": SECRET}) as registry, li.Engine():
        run(tool, "login", *flags, registry.host, told=SECRET)
        li.Image.empty().write(f"{registry.host}/app:1")
        [path] = tmp_path.rglob("auth.json")
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(path))
        assert li.logout(registry.host)
    assert json.loads(path.read_text())["auths"] == {}


def test_a_file_that_all_write(tmp_path: Path) -> None:
    """Logins by several tools and by us, in turn, stand side by side in one file."""
    path = tmp_path / "auth.json"
    with li.Registry(users={"me": SECRET}) as one, li.Registry(users={"me": SECRET}) as other:
        for tool, namespace in (("skopeo", "/a"), ("podman", "/b"), ("buildah", "/c")):
            li.login(other.host + namespace, "me", SECRET, auth_file=path)
            flags = (f"--authfile={path}", "--tls-verify=false", "--username=me", "--password-stdin")
            run(tool, "login", *flags, one.host + namespace, told=SECRET)
        expected = {host + namespace for host in (one.host, other.host) for namespace in ("/a", "/b", "/c")}
    assert set(json.loads(path.read_text())["auths"]) == expected


def test_an_identity_token_that_is_wrong(tmp_path: Path) -> None:
    """An identity token of another registry opens nothing."""
    path = tmp_path / "auth.json"
    with li.Registry(users={"me": SECRET}, token=True) as one:
        li.login(one.host, "me", SECRET, auth_file=path)
        [entry] = json.loads(path.read_text())["auths"].values()
    with li.Registry(users={"me": SECRET}, token=True) as other, pytest.raises(Unauthorized):
        li.login(other.host, "<token>", entry["identitytoken"], auth_file=os.devnull)
