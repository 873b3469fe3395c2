"""Kubernetes pull secrets: given, mounted, and asked of the cluster."""

from __future__ import annotations

import base64
import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import need

import lazyimg as li
from lazyimg.errors import CredentialError
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.http_server import Exchange, HttpServer

    from lazyimg.registry.keychains.credentials import Credentials

SECRET = "s3cret-passw0rd"
TOKEN = "pod-t0ken-that-nobody-sees"


def b64(text: str) -> str:
    """Return base64 of a text."""
    return base64.b64encode(text.encode()).decode()


def entry(user: str) -> dict[str, str]:
    """Return an entry of a file of credentials."""
    return {"auth": b64(f"{user}:{SECRET}")}


def pull_secret(auths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a Secret object as the API has it."""
    data = {".dockerconfigjson": b64(json.dumps({"auths": auths, **more}))}
    return {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": data}


def user_of(found: Credentials | None) -> str | None:
    """Return the user of credentials, None if there are none."""
    return found and found.username


def test_secrets_that_are_given() -> None:
    """Both types, as objects or as JSON, encoded or not; the first that knows the registry answers."""
    old = {
        "type": "kubernetes.io/dockercfg",
        "data": {".dockercfg": b64(json.dumps({"b.example": entry("old")}))},
    }
    plain = {"stringData": {".dockerconfigjson": json.dumps({"auths": {"c.example": entry("plain")}})}}
    new = pull_secret({"https://a.example/v1/": entry("new"), "b.example": entry("late")})
    keychain = li.KubernetesKeychain.from_secret(old, json.dumps(new), json.dumps(plain).encode())
    for registry, user in (
        ("a.example", "new"),
        ("b.example", "old"),
        ("c.example", "plain"),
        ("d.example", None),
    ):
        assert user_of(keychain.credentials(registry, "team/app")) == user
    assert SECRET not in repr(keychain)
    assert b64(f"new:{SECRET}") not in repr(keychain)


def test_stars_in_keys() -> None:
    """A star stands for letters within one label of a host, as the kubelet has it."""
    auths = {
        "*.azure.example": entry("star"),
        "reg-*.b.example/team": entry("part"),
        "reg-1.b.example": entry("one"),
    }
    keychain = li.KubernetesKeychain.from_secret(pull_secret(auths))
    expected = {
        ("me.azure.example", "a"): "star",
        ("me.too.azure.example", "a"): None,
        ("azure.example", "a"): None,
        ("reg-1.b.example", "team/app"): "part",
        ("reg-1.b.example", "other/app"): "one",
        ("reg-2.b.example", "other/app"): None,
    }
    for (registry, repository), user in expected.items():
        assert user_of(keychain.credentials(registry, repository)) == user


def test_helpers_in_a_secret_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret comes from elsewhere: it starts no program here."""
    program = tmp_path / "docker-credential-spy"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    keychain = li.KubernetesKeychain.from_secret(pull_secret({}, credsStore="spy"))
    assert keychain.credentials("a.example", None) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ({"type": "Opaque", "data": {"password": "x"}}, r"holds neither \.dockerconfigjson nor"),
        ({}, "is no pull secret"),
        ("junk " + SECRET, "no JSON object"),
        ({"data": {".dockerconfigjson": "not base64 " + SECRET}}, "not base64"),
        ({"data": {".dockerconfigjson": b64("[]")}}, "no JSON object"),
    ],
)
def test_secrets_that_are_none(secret: Any, said: str) -> None:
    """They are told of when a registry asks, and nothing of them is repeated."""
    keychain = li.KubernetesKeychain.from_secret(secret)
    with pytest.raises(CredentialError, match=said) as raised:
        keychain.credentials("a.example", None)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", [".dockerconfigjson", "config.json", ".dockercfg"])
def test_a_secret_that_is_mounted(tmp_path: Path, name: str) -> None:
    """The directory of the volume, or the file in it; it is read when a registry asks."""
    keychains = [li.KubernetesKeychain.from_path(tmp_path), li.KubernetesKeychain.from_path(tmp_path / name)]
    auths = {"a.example": entry("mounted")}
    (tmp_path / name).write_text(json.dumps(auths if name == ".dockercfg" else {"auths": auths}))
    for keychain in keychains:
        assert user_of(keychain.credentials("a.example", None)) == "mounted"


def test_a_mount_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(CredentialError, match=f"no pull secret in {tmp_path}"):
        li.KubernetesKeychain.from_path(tmp_path).credentials("a.example", None)
    (tmp_path / "config.json").mkdir()
    with pytest.raises(CredentialError, match=r"config\.json cannot be read: Is a directory"):
        li.KubernetesKeychain.from_path(tmp_path).credentials("a.example", None)


# --- the cluster -----------------------------------------------------------------------------------------


class Api:
    """A Kubernetes API, with the objects that it has by their path."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.status = 0
        self.asked: list[tuple[str, str]] = []

    def __call__(self, exchange: Exchange, _: bytes) -> tuple[int, Any]:
        self.asked.append((exchange.path, exchange.headers["Authorization"]))
        found = self.objects.get(exchange.path.removeprefix("/api/v1/namespaces/"))
        if self.status:
            return self.status, {"kind": "Status", "message": f"no: {exchange.headers['Authorization']}"}
        return (200, found) if found is not None else (404, {"kind": "Status", "reason": "NotFound"})


@pytest.fixture
def api() -> Api:
    """Give an API that has the default account of two namespaces, one with pull secrets."""
    made = Api()
    references = [{"name": "one"}, {"name": "gone"}, {}, None]
    made.objects = {
        "team/serviceaccounts/default": {"imagePullSecrets": references},
        "team/secrets/one": pull_secret({"a.example": entry("one"), "b.example": entry("one")}),
        "team/secrets/more": pull_secret({"b.example": entry("more")}),
        "other/serviceaccounts/builder": {},
    }
    return made


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """Give what a pod has mounted of its service account."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "namespace").write_text("team")
    return tmp_path


def test_a_service_account_s_pull_secrets(api: Api, mount: Path, serve: Callable[..., HttpServer]) -> None:
    """They are asked for once for all registries, by the pod's token; those that are gone are left out."""
    server = serve(api)
    keychain = li.KubernetesKeychain.from_cluster(
        mount=mount, server=f"http://{server.host}", pull_secrets=["more"]
    )
    assert api.asked == []
    assert user_of(keychain.credentials("a.example", None)) == "one"
    assert user_of(keychain.credentials("b.example", None)) == "more"
    assert keychain.credentials("c.example", None) is None
    kinds = ["serviceaccounts/default", "secrets/more", "secrets/one", "secrets/gone"]
    assert api.asked == [(f"/api/v1/namespaces/team/{kind}", f"Bearer {TOKEN}") for kind in kinds]


def test_proxies_of_the_environment_are_told_nothing(
    api: Api, mount: Path, serve: Callable[..., HttpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of the cluster goes to its API alone."""
    proxy = serve(lambda *_: (200, {}))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{proxy.host}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    keychain = li.KubernetesKeychain.from_cluster(mount=mount, server=f"http://{serve(api).host}")
    assert user_of(keychain.credentials("a.example", None)) == "one"
    assert proxy.log == []


def test_another_account(api: Api, mount: Path, serve: Callable[..., HttpServer]) -> None:
    """Account and namespace can be named; one without pull secrets knows nothing, a missing one is told."""
    server = f"http://{serve(api).host}"
    make = li.KubernetesKeychain.from_cluster
    assert (
        make("builder", namespace="other", mount=mount, server=server).credentials("a.example", None) is None
    )
    with pytest.raises(CredentialError, match="no service account other/default"):
        make(namespace="other", mount=mount, server=server).credentials("a.example", None)


def test_secrets_are_read_again(
    api: Api, mount: Path, serve: Callable[..., HttpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some minutes a changed secret is found, and what was given out says when it ends."""
    keychain = li.KubernetesKeychain.from_cluster(mount=mount, server=f"http://{serve(api).host}")
    found = keychain.credentials("a.example", None)
    assert found is not None
    assert found.is_fresh
    assert found.expires is not None
    api.objects["team/secrets/one"] = pull_secret({"a.example": entry("changed")})
    assert user_of(keychain.credentials("a.example", None)) == "one"
    later = found.expires - 50
    monkeypatch.setattr("time.time", lambda: later)
    assert not found.is_fresh
    assert user_of(keychain.credentials("a.example", None)) == "changed"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_api_that_refuses(api: Api, mount: Path, serve: Callable[..., HttpServer], status: int) -> None:
    """Its words are repeated without the token, with what to allow."""
    api.status = status
    keychain = li.KubernetesKeychain.from_cluster(mount=mount, server=f"http://{serve(api).host}")
    with pytest.raises(
        CredentialError, match=rf"it answered {status}: no: Bearer \*\*\*; allow the pod"
    ) as raised:
        keychain.credentials("a.example", None)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("body", [b"junk", b"[]", b" " * (5 << 20)])
def test_an_api_that_is_none(mount: Path, serve: Callable[..., HttpServer], body: bytes) -> None:
    """What is no object, or has no end, is refused."""
    server = serve(lambda *_: (200, body))
    keychain = li.KubernetesKeychain.from_cluster(mount=mount, server=f"http://{server.host}")
    with pytest.raises(CredentialError, match=r"no JSON object|more than 4194304 bytes"):
        keychain.credentials("a.example", None)


def test_outside_of_a_cluster(tmp_path: Path, mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing that is missing is said, and the token goes over plain http to nobody else."""
    make = li.KubernetesKeychain.from_cluster
    with pytest.raises(CredentialError, match="KUBERNETES_SERVICE_HOST is not set"):
        make(mount=mount).credentials("a.example", None)
    with pytest.raises(CredentialError, match="over https alone"):
        make(mount=mount, server="http://api.example:6443").credentials("a.example", None)
    with pytest.raises(
        CredentialError, match=r"the pod's namespace cannot be read from .*is a service account mounted"
    ):
        make(mount=tmp_path / "none", server="http://127.0.0.1:1").credentials("a.example", None)
    with pytest.raises(
        CredentialError, match=r"cannot ask the Kubernetes API at 127\.0\.0\.1:1: ConnectError"
    ):
        make(mount=mount, server="http://127.0.0.1:1").credentials("a.example", None)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")
    with pytest.raises(CredentialError, match=r"cannot be read from .*ca\.crt"):
        make(mount=mount).credentials("a.example", None)
    (mount / "ca.crt").write_text("junk")
    with pytest.raises(CredentialError, match=r"cannot be read from .*ca\.crt"):
        make(mount=mount).credentials("a.example", None)


def test_the_api_shows_a_certificate(
    api: Api, mount: Path, tmp_path: Path, serve: Callable[..., HttpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pod: the address is the environment's, and the authority the one that is mounted."""
    need("openssl", "openssl")
    made, other = Tls.self_signed(tmp_path / "tls"), Tls.self_signed(tmp_path / "other")
    server = serve(api)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    host, port = server.host.split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    (mount / "ca.crt").write_bytes(other.certificate.read_bytes())
    with pytest.raises(CredentialError, match="ConnectError"):
        li.KubernetesKeychain.from_cluster(mount=mount).credentials("a.example", None)
    assert api.asked == []
    (mount / "ca.crt").write_bytes(made.certificate.read_bytes())
    assert user_of(li.KubernetesKeychain.from_cluster(mount=mount).credentials("a.example", None)) == "one"
