"""What effectful thunks do their work with."""

from __future__ import annotations

import os
import signal
import threading

import pytest

import lazyimg as li
from lazyimg.runtime import Runtime, Settings, Work

REFERENCE = li.Reference.parse("a.invalid/b:1")


def test_one_client_a_registry() -> None:
    """Made when first asked for, by whichever repository; another after the runtime was closed."""
    runtime = Runtime(Settings())
    first = runtime.client(REFERENCE)
    assert runtime.client(li.Reference.parse("a.invalid/other/c@sha256:" + 64 * "0")) is first
    assert runtime.client(li.Reference.parse("b.invalid/b:1")) is not first
    runtime.close()
    assert runtime.client(REFERENCE) is not first
    runtime.close()


def test_threads_share_it() -> None:
    """However many ask at once."""
    runtime = Runtime(Settings())
    clients = set()
    threads = [threading.Thread(target=lambda: clients.add(id(runtime.client(REFERENCE)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 1
    runtime.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_its_own() -> None:
    """It would read the answers to what its parent asks, and may find a lock that nobody will give back."""
    runtime = Runtime(Settings())
    inherited = runtime.client(REFERENCE)
    ours, theirs = os.pipe()
    with runtime._clients.lock:
        child = os.fork()
        if not child:
            signal.alarm(20)
            os.write(theirs, b"same" if runtime.client(REFERENCE) is inherited else b"own")
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 8) == b"own"
    assert runtime.client(REFERENCE) is inherited
    os.close(ours)
    os.close(theirs)
    runtime.close()


def test_docker_hub_is_one_registry_under_all_its_names() -> None:
    """Its aliases are one client."""
    runtime = Runtime(Settings())
    names = ("python:3", "docker.io/library/python:3", "index.docker.io/library/python:3")
    assert len({id(runtime.client(li.Reference.parse(name))) for name in names}) == 1
    runtime.close()


def test_what_one_run_works_with() -> None:
    """Its own sessions, counters and retries; the engine's runtime, and its connections."""
    engine = li.Engine(scratch="/nonexistent")
    first, second = engine.begin(), engine.begin()
    assert isinstance(first, Work)
    assert first.runtime is second.runtime
    assert first.counters is not second.counters
    assert str(first.scratch) == "/nonexistent"
    assert li.Engine().begin().scratch is None
    wires = {run.client(REFERENCE)._conversation.wire for run in (first, second)}
    assert len(wires) == 1
    assert first.budget is first.budget is not second.budget
    assert first.budget.most == 20
    assert li.Engine(retries=1, hosts={"a.lan": li.Host(retries=9)}).begin().budget.most == 45
    engine.close()


def test_its_text_holds_no_credential() -> None:
    """Settings are shown without what could."""
    settings = Settings(keychain=li.StaticKeychain({"a.example": ("me", "s3cret")}))
    assert "s3cret" not in repr(settings)
