"""skopeo, buildah and umoci work against the registry, however it is guarded: passwords, tokens, TLS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from support.programs import need

import lazyimg as li
from lazyimg.server.faults import Fault, rate_limit
from lazyimg.server.registry import Registry
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peer

USER = "anna:pass-word"
GUARDS: dict[str, dict[str, Any]] = {
    "open": {},
    "basic": {"users": {"anna": "pass-word"}},
    "token": {"users": {"anna": "pass-word"}, "token": True},
    "tls": {"tls": True},
    "tls-basic": {"tls": True, "users": {"anna": "pass-word"}},
    "tls-token": {"tls": True, "users": {"anna": "pass-word"}, "token": True},
    "tls-clients": {"tls": "clients", "users": {"anna": "pass-word"}, "token": True},
}


@frozen
class Guarded:
    """A registry that is guarded in some way, and the options that let a program in."""

    registry: Registry
    certificates: Path | None
    creds: str | None

    def options(self, prefix: str = "", *, creds: bool = True) -> list[str]:
        """Return the options; skopeo's have a prefix where it speaks with two registries."""
        if self.certificates is None:
            found = [f"--{prefix}tls-verify=false"]
        else:
            found = [f"--{prefix}tls-verify=true", f"--{prefix}cert-dir={self.certificates}"]
        return found + ([f"--{prefix}creds={self.creds}"] if creds and self.creds else [])

    def image(self, name: str) -> str:
        return f"docker://{self.registry.host}/{name}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate, and next to it the directory by which containers/image trusts and shows it."""
    need("openssl", "openssl")
    tls = Tls.self_signed(tmp_path_factory.mktemp("tls"))
    directory = Path(str(tls.certificate)).parent / "trusted"
    directory.mkdir()
    shutil.copy(tls.certificate, directory / "ca.crt")
    shutil.copy(tls.certificate, directory / "client.cert")
    shutil.copy(str(tls.key), directory / "client.key")
    return tls


@pytest.fixture(params=GUARDS)
def guarded(request: pytest.FixtureRequest, certificate: Tls) -> Iterator[Guarded]:
    """Give a registry, guarded in each way in turn."""
    settings = dict(GUARDS[request.param])
    wanted = settings.pop("tls", None)
    tls = None
    if wanted:
        authority = certificate.certificate if wanted == "clients" else None
        tls = Tls(certificate.certificate, certificate.key, authority)
    directory = Path(str(certificate.certificate)).parent / "trusted" if tls else None
    with Registry(tls=tls, **settings) as registry:
        yield Guarded(registry, directory, USER if "users" in settings else None)


def run(*command: str, fails: bool = False) -> str:
    """Run a program; its words stand in the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode != 0) == fails, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if fails else "")


@pytest.fixture(scope="module")
def skopeo() -> Callable[..., str]:
    """Give a function that runs skopeo."""
    program = need("skopeo", "skopeo")

    def call(*arguments: str, fails: bool = False) -> str:
        return run(program, "--insecure-policy", *arguments, fails=fails)

    return call


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a layout in which umoci made an image of two layers, ``v1``."""
    umoci = need("umoci", "umoci")
    directory = tmp_path_factory.mktemp("umoci")
    (directory / "one.txt").write_text("one")
    (directory / "two.txt").write_text("two" * 100_000)
    path = directory / "layout"
    run(umoci, "init", "--layout", str(path))
    run(umoci, "new", "--image", f"{path}:v1")
    for name in ("one.txt", "two.txt"):
        run(umoci, "insert", "--rootless", "--image", f"{path}:v1", str(directory / name), f"/{name}")
    run(umoci, "config", "--image", f"{path}:v1", "--config.env", "BY=umoci")
    return path


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout / "blobs/sha256").iterdir()}


def reached(layout: Path, tag: str) -> set[str]:
    """Return the digests of all that a tagged image is made of."""
    [entry] = [
        each
        for each in json.loads((layout / "index.json").read_text())["manifests"]
        if each["annotations"]["org.opencontainers.image.ref.name"] == tag
    ]
    digest = entry["digest"].partition(":")[2]
    manifest = json.loads(blobs(layout)[digest])
    return {digest} | {part["digest"].partition(":")[2] for part in (manifest["config"], *manifest["layers"])}


def test_umoci_and_skopeo(guarded: Guarded, skopeo: Callable[..., str], layout: Path, tmp_path: Path) -> None:
    """What umoci made is pushed by skopeo, pulled to the byte, and unpacked by umoci."""
    image = guarded.image("team/app:v1")
    skopeo("copy", *guarded.options("dest-"), f"oci:{layout}:v1", image)
    skopeo("copy", *guarded.options("src-"), image, f"oci:{tmp_path}/back:v1")
    wanted = reached(layout, "v1")
    assert blobs(tmp_path / "back") == {name: data for name, data in blobs(layout).items() if name in wanted}
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/back:v1", str(tmp_path / "bundle"))
    assert (tmp_path / "bundle/rootfs/two.txt").read_text() == "two" * 100_000
    assert json.loads((tmp_path / "bundle/config.json").read_text())["process"]["env"][-1] == "BY=umoci"


def test_skopeo_mounts_inspects_lists_and_deletes(
    guarded: Guarded, skopeo: Callable[..., str], layout: Path
) -> None:
    """Every verb that it has for a registry."""
    first, second = guarded.image("one:v1"), guarded.image("two:v1")
    skopeo("copy", *guarded.options("dest-"), f"oci:{layout}:v1", first)
    guarded.registry.clear()
    skopeo("copy", *guarded.options("src-"), *guarded.options("dest-"), first, second)
    traffic = guarded.registry.traffic()
    assert (traffic.requests["PATCH upload"], traffic.bytes_in < 10_000) == (1, True)  # the config alone
    seen = json.loads(skopeo("inspect", *guarded.options(), second))
    assert (seen["RepoTags"], len(seen["Layers"])) == (["v1"], 2)
    skopeo("delete", *guarded.options(), second)
    assert json.loads(skopeo("list-tags", *guarded.options(), guarded.image("two")))["Tags"] == []


def test_skopeo_logs_in(guarded: Guarded, skopeo: Callable[..., str], layout: Path, tmp_path: Path) -> None:
    """`login` finds out whether a password is right, and keeps it; a wrong one is refused."""
    if guarded.creds is None:
        assert skopeo("inspect", *guarded.options(), guarded.image("app:v1"), fails=True)
        return
    user, _, password = guarded.creds.partition(":")
    file = f"--authfile={tmp_path / 'auth.json'}"
    login = ("login", *guarded.options(creds=False), file, "--username", user, "--password")
    assert "Login Succeeded" in skopeo(*login, password, guarded.registry.host)
    copy = ("copy", *guarded.options("dest-", creds=False), f"oci:{layout}:v1", guarded.image("app:v1"))
    skopeo(*copy, file)
    skopeo(*copy, fails=True)
    refused = skopeo(*login, "wrong", guarded.registry.host, fails=True)
    assert "invalid username/password" in refused


@pytest.fixture
def buildah(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give a function that runs buildah, with its storage in a directory of the test."""
    program = need("buildah", "buildah")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("buildah needs to mount, which this user may not: run as root, or in `buildah unshare`")
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    storage = (
        "--root",
        str(tmp_path / "root"),
        "--runroot",
        str(tmp_path / "run"),
        "--storage-driver",
        "vfs",
    )
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    settings = os.environ | {"BUILDAH_ISOLATION": "chroot", "REGISTRIES_CONFIG_PATH": os.devnull}

    def call(verb: str, *arguments: str) -> str:
        more = ("--signature-policy", str(policy)) if verb in {"push", "pull", "commit"} else ()
        done = subprocess.run(
            [program, *storage, verb, *more, *arguments],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, f"buildah {verb} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    return call


def test_buildah(guarded: Guarded, buildah: Callable[..., str], tmp_path: Path) -> None:
    """It builds an image, pushes it, forgets it, pulls it, and finds what it built."""
    (tmp_path / "file").write_text("built")
    container = buildah("from", "scratch")
    buildah("copy", container, str(tmp_path / "file"), "/file")
    buildah("config", "--env", "BY=buildah", container)
    built = buildah("commit", "--rm", container, "built")
    image = guarded.image("team/built:v1")
    buildah("push", *guarded.options(), "built", image)
    buildah("rmi", "--all")
    assert buildah("pull", *guarded.options(), image) == built
    seen = json.loads(buildah("inspect", "--type", "image", built))
    assert seen["OCIv1"]["config"]["Env"] == ["BY=buildah"]


def test_our_own_client(guarded: Guarded, skopeo: Callable[..., str], layout: Path) -> None:
    """It reads what skopeo pushed, copies it, and skopeo reads the copy, whatever guards the registry."""
    host = guarded.registry.host
    skopeo("copy", *guarded.options("dest-"), f"oci:{layout}:v1", guarded.image("team/app:v1"))
    said = dict(guarded.registry.settings)
    if guarded.certificates is not None:
        names = ("ca.crt", "client.cert", "client.key")
        authority, *pair = (str(guarded.certificates / name) for name in names)
        said = {"ca": authority, "client_cert": tuple(pair)}
    keychain = li.StaticKeychain({} if guarded.creds is None else {host: tuple(USER.split(":"))})
    with li.Engine(hosts={host: said}, keychain=keychain):
        image = li.Image.from_registry(f"{host}/team/app:v1")
        copy = image.configure(env={"BY": "lazyimg"}).write(f"{host}/team/copy:v1")
    assert len(copy.mounted) == 2
    seen = json.loads(skopeo("inspect", "--config", *guarded.options(), guarded.image("team/copy:v1")))
    assert "BY=lazyimg" in seen["config"]["Env"]


def test_skopeo_comes_again_after_a_fault(skopeo: Callable[..., str], layout: Path) -> None:
    """A client we did not write stands what it says it stands: it waits when it is told to."""
    with Registry(token=True) as registry:
        guarded = Guarded(registry, None, None)
        registry.faults.add(Fault(rate_limit(1), "HEAD", "*/blobs/*"))
        skopeo("copy", *guarded.options("dest-"), f"oci:{layout}:v1", guarded.image("a:v1"))
        assert [request.status for _, request in registry.faults.befallen] == [429]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give a registry that the command serves, over TLS and to one user: its address and ``--cert-dir``."""
    htpasswd = tmp_path / "htpasswd"
    name, _, password = USER.partition(":")
    htpasswd.write_text(
        subprocess.run(
            [need("htpasswd", "apache2-utils"), "-i", "-n", "-B", "-C", "4", name],
            input=password,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    options = ("--address", "127.0.0.1:0", "--tls", "--token", "--htpasswd", str(htpasswd))
    command = [sys.executable, "-m", "lazyimg.cli", "registry", "serve", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        host = process.stdout.readline().split()[4].removeprefix("https://")
        authority = Path(process.stdout.readline().split()[-1])
        yield host, str(authority.parent)
        process.terminate()
        assert process.wait(20) == 0
    assert not authority.exists()


def test_the_served_process(
    served: tuple[str, str], skopeo: Callable[..., str], buildah: Callable[..., str], layout: Path
) -> None:
    """What the command guards by TLS, tokens and passwords lets in who is known, and nobody else."""
    host, trusted = served
    image = f"docker://{host}/team/app:v1"
    known = (f"--creds={USER}", f"--cert-dir={trusted}")
    target = [f"--dest-{option.removeprefix('--')}" for option in known]
    skopeo("copy", *target, f"oci:{layout}:v1", image)
    seen = json.loads(skopeo("inspect", "--config", *known, image))
    assert "BY=umoci" in seen["config"]["Env"]
    assert buildah("pull", *known, image)
    with li.Engine(
        hosts={host: li.Host(ca=f"{trusted}/ca.crt")},
        keychain=li.StaticKeychain({host: ("anna", "pass-word")}),
    ):
        assert "BY=umoci" in li.Image.from_registry(f"{host}/team/app:v1").config().env
    assert "unauthorized" in skopeo("inspect", "--creds=anna:wrong", known[1], image, fails=True)
    assert "certificate" in skopeo("inspect", known[0], image, fails=True)
