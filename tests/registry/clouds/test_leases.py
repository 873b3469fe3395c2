"""What is good for a while is fetched once, and again when it ends; libraries are loaded on use."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import lazyimg as li
from lazyimg.registry.keychains.clouds.leases import Lease, Leases
from lazyimg.registry.keychains.credentials import Credentials

if TYPE_CHECKING:
    import pytest

MAKE = """
import json, sys
import lazyimg as li
keychains = [
    li.ECRKeychain(), li.GoogleKeychain(), li.AzureKeychain(), li.GitHubKeychain("x"),
    li.KubernetesKeychain.from_secret({}), li.KubernetesKeychain.from_path("/nowhere"),
    li.KubernetesKeychain.from_cluster(),
]
chain = li.Keychains(*keychains[:4])
print(repr(chain), chain.credentials("docker.io", "library/python"))
print(json.dumps(sorted(sys.modules)))
"""


def test_many_threads_fetch_once() -> None:
    """The others wait for the first, and take what it got."""
    leases: Leases[int] = Leases()
    fetched: list[int] = []
    begun = threading.Barrier(8)

    def fetch() -> Lease[int]:
        time.sleep(0.05)
        fetched.append(1)
        return Lease(len(fetched), time.time() + 3600)

    def ask(_: int) -> int:
        begun.wait(20)
        return leases.get("key", fetch)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {1}
    assert fetched == [1]
    assert leases.get("other", fetch) == 2


def test_a_failure_is_not_kept() -> None:
    """Who asks next asks again; and what travels to another process holds nothing."""
    leases: Leases[int] = Leases()

    def fail() -> Lease[int]:
        raise LookupError

    try:
        leases.get("key", fail)
    except LookupError:
        assert leases.get("key", lambda: Lease(1, None)) == 1
    again = pickle.loads(pickle.dumps(leases))  # noqa: S301 - our own
    assert again.get("key", lambda: Lease(2, None)) == 2


def test_libraries_are_loaded_on_use() -> None:
    """Making keychains, and asking them of others' registries, loads no library of theirs, nor for HTTP."""
    done = subprocess.run([sys.executable, "-c", MAKE], capture_output=True, text=True, check=True)
    shown, loaded = done.stdout.splitlines()
    assert shown.endswith(" None")
    assert {"boto3", "botocore", "google.auth", "azure", "httpx", "ssl"}.isdisjoint(json.loads(loaded))


def test_a_registry_s_client_asks_again_when_credentials_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has expired is asked for again within one engine, so that a long-lived one goes on."""
    asked: list[str | None] = []

    class Clock:
        def credentials(self, _: str, repository: str | None) -> Credentials:
            asked.append(repository)
            return Credentials(username="me", password="x", expires=time.time() + 3600)

    with li.Registry(users={"me": "x"}) as registry, li.Engine(keychain=Clock()):
        image = li.Image.empty()
        image.write(f"{registry.host}/app:1")
        image.write(f"{registry.host}/app:2")
        assert asked == ["app"]
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now + 3590)
        image.write(f"{registry.host}/app:3")
    assert asked[:2] == ["app", "app"]
