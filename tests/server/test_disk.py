"""A registry on disk: what was pushed stays, whole, whoever is killed when."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import lazyimg as li
from lazyimg.errors import DirectoryInUse, RegistryError
from lazyimg.oci.digest import Digest
from lazyimg.server import disk
from lazyimg.server.disk import DiskStaged, DiskStore
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = bytes(range(256)) * 20_000


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_what_was_pushed_is_there_for_the_next_registry(tmp_path: Path, hand_of: Any) -> None:
    """Blobs, manifests, tags, referrers and the catalog survive; begun uploads do not."""
    subject = {"mediaType": "x/y", "digest": "sha256:" + "0" * 64, "size": 1}
    with Registry(tmp_path / "new" / "registry") as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        data = hand.image("a/b", subject=subject)
        hand.push("a/b", "v1", data)
        digest = hand.blob("a/b", DATA)
        location = client.patch(hand.begin("a/b"), content=DATA).headers["location"]
    assert not list((tmp_path / "new" / "registry" / "staging").iterdir())
    with (
        Registry(str(tmp_path / "new" / "registry")) as registry,
        httpx.Client(base_url=registry.url) as client,
    ):
        assert hand_of(client).pull("a/b", "v1") == data
        assert client.get(f"/v2/a/b/blobs/{digest}").content == DATA
        assert client.get("/v2/_catalog").json() == {"repositories": ["a/b"]}
        assert len(client.get(f"/v2/a/b/referrers/{subject['digest']}").json()["manifests"]) == 1
        assert client.get(location).status_code == 404


def test_a_relative_directory_is_where_it_was_when_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_of: Any
) -> None:
    """Changing the working directory before the start changes nothing."""
    monkeypatch.chdir(tmp_path)
    registry = Registry("here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with registry, httpx.Client(base_url=registry.url) as client:
        hand_of(client).blob("a", b"{}")
    assert (tmp_path / "here" / "contents").is_dir()


@pytest.mark.parametrize("name", ["staging", "contents"])
def test_a_start_that_failed_holds_no_lock(tmp_path: Path, name: str) -> None:
    """What stood in its way is named, and once it is gone the same object starts."""
    registry = Registry(tmp_path)
    (tmp_path / name).write_text("a file in the place of a directory")
    with pytest.raises(OSError, match=name):
        registry.start()
    (tmp_path / name).unlink()
    with registry:
        pass


def test_files_of_others_are_no_names(tmp_path: Path, hand_of: Any) -> None:
    """What a file system or a desktop puts into a directory is no tag, no repository, and in nobody's way."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        hand.push("a/b", "v1", hand.image("a/b"))
        digest = hand.blob("a/b", DATA)
        for group in ("_known", "a+b/tags"):
            (tmp_path / "records" / group / ".nfs0001").touch()
        assert client.get("/v2/_catalog").json()["repositories"] == ["a/b"]
        assert client.get("/v2/a/b/tags/list").json()["tags"] == ["v1"]
        assert client.post("/v2/c/blobs/uploads/", params={"mount": digest}).status_code == 201
        assert client.delete(f"/v2/a/b/blobs/{digest}").status_code == 202


def test_one_registry_at_a_time(tmp_path: Path) -> None:
    """A directory that is in use is refused by name, and free again afterwards."""
    with Registry(tmp_path):
        other = Registry(tmp_path)
        with pytest.raises(DirectoryInUse, match="in use by another registry"):
            other.start()
    with other:
        pass


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """The error is the system's."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        Registry(tmp_path / "file").start()


PROGRAM = """
import sys, threading
from lazyimg.server.registry import Registry
with Registry(sys.argv[1]) as registry:
    print(registry.url, flush=True)
    threading.Event().wait()
"""


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_registry_leaves_no_half_blob(tmp_path: Path, hand_of: Any) -> None:
    """Killed in the middle of an upload, it leaves what was committed, whole, and nothing else."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process, httpx.Client(base_url=process.stdout.readline().strip()) as client:
        hand = hand_of(client)
        digest = hand.blob("a", DATA)
        client.patch(hand.begin("a"), content=b"half" * 1_000_000)
        process.send_signal(signal.SIGKILL)
    assert any(path.stat().st_size == 4_000_000 for path in (tmp_path / "staging").iterdir())
    contents = list((tmp_path / "contents").rglob("*/*"))
    assert [(path.name, path.read_bytes() == DATA) for path in contents] == [(digest.partition(":")[2], True)]
    with Registry(tmp_path) as registry:
        assert httpx.get(f"{registry.url}/v2/a/blobs/{digest}").content == DATA
        assert not list((tmp_path / "staging").iterdir())


def test_a_blob_gets_its_name_when_it_is_whole(tmp_path: Path, hand_of: Any) -> None:
    """The file that arrived is renamed, not copied: at no moment is a part of it under the digest."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        location = client.patch(hand_of(client).begin("a"), content=DATA).headers["location"]
        [staged] = (tmp_path / "staging").iterdir()
        before = staged.stat().st_ino
        digest = Digest.of(DATA)
        assert client.put(location, params={"digest": digest}).status_code == 201
        assert (tmp_path / "contents/sha256" / digest.encoded).stat().st_ino == before


def push_until_killed(url: str, confirmed: list[str], name: int) -> None:
    """Push blobs of changing sizes until nobody answers, and note those that were confirmed."""
    with httpx.Client(base_url=url) as client, contextlib.suppress(httpx.TransportError):
        for number in itertools.count():
            data = f"{name} {number} ".encode() * (1 << 8 << number % 8)
            digest = Digest.of(data)
            answer = client.post("/v2/a/blobs/uploads/", params={"digest": digest}, content=data)
            assert answer.status_code == 201
            confirmed.append(digest)


def test_what_was_confirmed_outlives_a_kill_amid_pushes(tmp_path: Path) -> None:
    """Killed while four clients push, it has every blob that it confirmed, and each that it has is whole."""
    confirmed: list[str] = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process, ThreadPoolExecutor(4) as pool:
            url, before = process.stdout.readline().strip(), len(confirmed)
            pushes = [pool.submit(push_until_killed, url, confirmed, name) for name in range(4)]
            until(lambda before=before: len(confirmed) > before + 40)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            for push in pushes:
                push.result()
        held = {path.name: path for path in (tmp_path / "contents").rglob("*/*")}
        assert all(Digest.of(path.read_bytes()).encoded == name for name, path in held.items())
        assert {digest.partition(":")[2] for digest in confirmed} <= held.keys()
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        assert {client.head(f"/v2/a/blobs/{digest}").status_code for digest in set(confirmed)} == {200}


def test_nothing_is_written_outside_and_names_do_not_meet(tmp_path: Path, hand_of: Any) -> None:
    """Every file lies where the names say; repositories that look like inner names keep apart."""
    with Registry(tmp_path / "r") as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        for name in ("a", "a/tags", "a/tags/b", "contents", "staging/lock"):
            hand.push(name, "tags", hand.image(name))
            assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["tags"]
    assert {path.name for path in tmp_path.iterdir()} == {"r"}
    assert {path.split("/")[0] for path in files(tmp_path / "r")} == {"contents", "records", "lock"}


def test_a_cancelled_upload_leaves_no_file(tmp_path: Path, hand_of: Any) -> None:
    """What had arrived of it is removed at once; so is what was refused for its digest."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        location = client.patch(hand.begin("a"), content=DATA).headers["location"]
        assert len(list((tmp_path / "staging").iterdir())) == 1
        client.delete(location)
        wrong = {"digest": Digest.of(b"something else")}
        assert client.put(hand.begin("a"), params=wrong, content=DATA).status_code == 400
        assert list((tmp_path / "staging").iterdir()) == []


def test_a_full_disk_fails_the_request_and_ends_the_upload(
    tmp_path: Path, hand_of: Any, code: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written answers 507 with the system's words; the upload is gone, not half there."""

    def full(*_args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        location = hand_of(client).begin("a")
        with monkeypatch.context() as patched:
            patched.setattr(DiskStaged, "write", full)
            answer = client.patch(location, content=DATA)
        assert (answer.status_code, code(answer)) == (507, "UNKNOWN")
        assert "No space left" in answer.text
        assert client.get(location).status_code == 404
        hand_of(client).blob("a", DATA)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Our client sends nothing twice, and says in words what to do; a path of the registry's is not told."""

    def full(staged: DiskStaged, _chunks: Any) -> None:
        raise OSError(number, os.strerror(number), str(staged.path))

    layer = li.Layer.from_files({"/noise": DATA})
    with Registry(tmp_path) as registry, registry.engine():
        with monkeypatch.context() as patched:
            patched.setattr(DiskStaged, "write", full)
            words = f"can keep no more: {os.strerror(number)}. The registry has no space left: whoever"
            with pytest.raises(RegistryError, match=words) as error:
                li.Image.empty().append(layer).write(f"{registry.host}/app:1")
        assert error.value.status == 507
        assert str(tmp_path) not in str(error.value)
        refused = [request.path for request in registry.requests if request.status == 507]
        assert len(refused) == len(set(refused)) <= registry.traffic().requests["POST uploads"] <= 2
        li.Image.empty().append(layer).write(f"{registry.host}/app:1")


def test_a_record_that_does_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_of: Any
) -> None:
    """A manifest for which there is no space is refused, and half a file is not left lying."""
    written = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        written(path, data[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        image = hand.image("a")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            assert hand.put("a", "1", image).status_code == 507
        assert list((tmp_path / "staging").iterdir()) == []
        hand.push("a", "1", image)


def test_uploads_that_were_left_hold_no_descriptor(tmp_path: Path, hand_of: Any) -> None:
    """However many clients went away amid a push, the registry can open files."""
    descriptors = Path("/proc/self/fd")
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        client.patch(hand.begin("a"), content=b"some")
        before = len(list(descriptors.iterdir()))
        for _ in range(20):
            client.patch(hand.begin("a"), content=b"some")
        assert len(list((tmp_path / "staging").iterdir())) == 21
        assert len(list(descriptors.iterdir())) < before + 10


def test_a_blob_that_was_cut_on_disk_breaks_the_answer(tmp_path: Path, hand_of: Any) -> None:
    """A content that loses bytes while it is read never looks whole to the client."""
    data = bytes(64 << 20)
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        digest = hand_of(client).blob("a", data)
        with client.stream("GET", f"/v2/a/blobs/{digest}") as answer:
            next(chunks := answer.iter_raw())
            os.truncate(tmp_path / "contents" / "sha256" / digest.partition(":")[2], 1 << 20)
            with pytest.raises(httpx.TransportError):
                list(chunks)


def test_a_blob_that_was_removed_by_hand_is_unknown(
    tmp_path: Path, hand_of: Any, code: Callable[[Any], str]
) -> None:
    """A link without its content answers 404, also when it goes between the question and the answer."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        digest = hand_of(client).blob("a", DATA)
        store = registry._context.store
        store.remove(Digest(digest))
        answer = client.get(f"/v2/a/blobs/{digest}")
        assert (answer.status_code, code(answer)) == (404, "BLOB_UNKNOWN")


def test_a_blob_of_many_blocks_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A content is never read in one piece, whatever part of it is asked for."""
    monkeypatch.setattr(disk, "BLOCK", 1000)
    store = DiskStore(tmp_path)
    store.open()
    staged = store.stage()
    staged.write([DATA[:10_000], memoryview(DATA)[10_000:]])
    assert (staged.size, b"".join(staged.read())) == (len(DATA), DATA)
    digest = Digest.of(DATA)
    store.keep(staged, digest)
    staged.discard()
    blocks = store.read(digest, 500, 4500)
    found = list(iter(partial(next, blocks, b""), b""))
    blocks.close()
    assert [len(block) for block in found] == [1000] * 4
    assert b"".join(found) == DATA[500:4500]
    store.close()
    store.close()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """Give the list of what was forced to the medium, and of what was renamed, in order."""
    seen: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, Path.replace

    def forced(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(("forced", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def renamed(path: Path, target: Path) -> Path:
        seen.extend([("from", path), ("to", target)])
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", forced)
    monkeypatch.setattr(Path, "replace", renamed)
    return seen


def test_a_durable_registry_forces_what_it_answered(
    tmp_path: Path, hand_of: Any, log: list[tuple[str, Path]]
) -> None:
    """Each file before it has its name, its directory after, and each directory in the one above."""
    with Registry(tmp_path / "r", durable=True) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        hand.push(
            "a/b",
            "v1",
            hand.image("a/b", subject={"mediaType": "x/y", "digest": hand.blob("a/b", b"x"), "size": 1}),
        )
    for number, (what, path) in enumerate(log):
        if what == "from":
            assert ("forced", path) in log[:number]
        if what == "to":
            assert ("forced", path.parent) in log[number:]
    renamed = {path.relative_to(tmp_path / "r").parts[:3] for what, path in log if what == "to"}
    assert {("records", "a+b", kind) for kind in ("blobs", "manifests", "tags", "referrers")} < renamed
    forced = {path for what, path in log if what == "forced"}
    made = {path.parent for path in (tmp_path / "r").rglob("*") if path.is_dir() and path.name != "staging"}
    assert made | {tmp_path} <= forced


def test_a_durable_registry_forces_deletes(tmp_path: Path, hand_of: Any, log: list[tuple[str, Path]]) -> None:
    """A tag that was deleted does not come back."""
    with Registry(tmp_path, durable=True) as registry, httpx.Client(base_url=registry.url) as client:
        hand = hand_of(client)
        hand.push("a", "v1", hand.image("a"))
        log.clear()
        assert client.delete("/v2/a/manifests/v1").status_code == 202
        assert client.delete("/v2/a/manifests/v1").status_code == 404
    assert log == [("forced", tmp_path / "records" / "a" / "tags")]


def test_a_registry_forces_nothing_unless_told(
    tmp_path: Path, hand_of: Any, log: list[tuple[str, Path]]
) -> None:
    """Tests need none of it."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        hand_of(client).push("a", "v1", hand_of(client).image("a"))
    assert log
    assert "forced" not in {what for what, _ in log}


def test_what_cannot_be_forced_is_not_answered_with_success(
    tmp_path: Path, hand_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blob is not there then, and the words are the system's."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Registry(tmp_path, durable=True) as registry, httpx.Client(base_url=registry.url) as client:
        location = hand_of(client).begin("a")
        monkeypatch.setattr(os, "fsync", broken)
        digest = Digest.of(DATA)
        answer = client.put(location, params={"digest": digest}, content=DATA)
        assert answer.status_code == 500
        assert "Input/output error" in answer.text
        assert client.head(f"/v2/a/blobs/{digest}").status_code == 404
    assert not list((tmp_path / "contents" / "sha256").iterdir())


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_directory_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_of: Any, number: int
) -> None:
    """A read-only registry reads it, takes no lock and leaves no trace; another one says why it cannot."""
    with Registry(tmp_path) as registry, httpx.Client(base_url=registry.url) as client:
        digest = hand_of(client).blob("a", b"{}")
    before = files(tmp_path)
    opened = Path.open

    def refuse(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if set(mode) & set("wax+"):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with Registry(tmp_path, read_only=True) as registry, httpx.Client(base_url=registry.url) as client:
        assert client.get(f"/v2/a/blobs/{digest}").content == b"{}"
        assert client.post("/v2/a/blobs/uploads/").status_code == 403
    assert files(tmp_path) == before
    refused = Registry(tmp_path)
    with pytest.raises(OSError, match=os.strerror(number)):
        refused.start()
