"""Law 6: layers go up side by side, the config when the last source ends, manifests then, tags last."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from laws.readers import PATIENCE, Aside, Openings, noise, tar_of
from laws.talk import Held, asked, is_commit, is_manifest_put, is_whole_blob, refusing

import lazyimg as li
from lazyimg.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from lazyimg.server.request import Request


def some_layers(count: int, size: int = 1000) -> list[li.Layer]:
    """Compose layers of different content."""
    return [li.Layer.from_opener(Openings(tar_of({"a": noise(size, seed)}))) for seed in range(count)]


class HeldUntilConfig:
    """A hook that holds back the n-th request that matches, and all later ones, until the config has arrived.

    Attributes:
        came: whether the config came while something was held back.
        held: how many requests were held back.
    """

    def __init__(self, matches: Any, first: int) -> None:
        self._matches = matches
        self._first = first
        self._seen = 0
        self._lock = threading.Lock()
        self._config = threading.Event()
        self.came = True
        self.held = 0

    def __call__(self, request: Request) -> None:
        if is_whole_blob(request):
            self._config.set()
        if self._matches(request):
            with self._lock:
                self._seen += 1
                is_held = self._seen >= self._first
                self.held += is_held
            if is_held and not self._config.wait(PATIENCE / 2):
                self.came = False


@pytest.mark.parametrize(("layers", "jobs"), [(1, 1), (1, 4), (4, 4), (3, 1), (6, 2)])
def test_the_config_arrives_while_the_last_layers_final_put_is_held_back(
    registry: li.Registry, layers: int, jobs: int
) -> None:
    """An upload that is not acknowledged yet does not hold the config back, with any number of jobs."""
    hook = HeldUntilConfig(is_commit, first=layers)
    registry.hook = hook
    with li.Engine(jobs=jobs):
        li.Image.empty().append(*some_layers(layers)).write(f"{registry.host}/app:1")

    assert hook.held == 1
    assert hook.came, "the config waited for a layer's final PUT"


def test_the_config_arrives_while_all_final_puts_are_held_back(registry: li.Registry) -> None:
    """All jobs may be waiting for their uploads' last answers: the config goes up all the same."""
    hook = HeldUntilConfig(is_commit, first=1)
    registry.hook = hook
    with li.Engine(jobs=4):
        li.Image.empty().append(*some_layers(4)).write(f"{registry.host}/app:1")

    assert hook.held == 4
    assert hook.came


def test_the_config_arrives_while_a_layers_bytes_are_still_on_their_way(registry: li.Registry) -> None:
    """When the last source has ended the config goes, though the registry has not taken the layer in yet."""
    hook = HeldUntilConfig(lambda request: request.method == "PATCH", first=1)
    registry.hook = hook
    li.Image.empty().append(*some_layers(1)).write(f"{registry.host}/app:1")

    assert hook.held == 1
    assert hook.came


def test_the_config_does_not_go_before_the_last_source_ends(registry: li.Registry) -> None:
    """It holds the diff_ids, so while one source still waits for bytes no config arrives."""
    gate = threading.Event()
    tar = tar_of({"a": noise(5 << 20)})
    slow = Openings(tar, gate=gate, gate_at=3 << 20)
    committed, config = Held(is_commit), threading.Event()

    def hook(request: Request) -> None:
        committed.arrived.set() if is_commit(request) else None
        config.set() if is_whole_blob(request) else None

    registry.hook = hook
    image = li.Image.empty().append(*some_layers(1), li.Layer.from_opener(slow))
    written = Aside(lambda: image.write(f"{registry.host}/app:1"))
    assert committed.arrived.wait(10)
    assert not config.wait(0.3)
    gate.set()
    written.result()


def test_layers_go_up_side_by_side(registry: li.Registry) -> None:
    """Three layers are being uploaded at the same moment."""
    meeting = threading.Barrier(3)

    def meet(request: Request) -> None:
        if request.method == "PATCH":
            meeting.wait(10)

    registry.hook = meet
    with li.Engine(jobs=3):
        li.Image.empty().append(*some_layers(3)).write(f"{registry.host}/app:1")
    assert not meeting.broken


def everything_written(new_registry: Any, directory: Path) -> tuple[li.Registry, li.Registry, Path]:
    """Write two images to two registries and a layout, and return those."""
    a, b = new_registry(), new_registry()
    first = li.Image.empty().append(*some_layers(3))
    second = first.configure(user="1").append(*some_layers(2, 5000))
    li.write(
        {
            f"{a.host}/app:1": first,
            f"{a.host}/app:2": second,
            f"{b.host}/other:1": second,
            li.OCILayout(directory / "out", tag="v1"): first,
        }
    )
    return a, b, directory / "out"


def test_manifests_go_after_all_blobs_and_tags_after_all_manifests(new_registry: Any, tmp_path: Path) -> None:
    """At every registry alike: blobs answered, then manifests by digest, then, when those stand, the tags."""
    unanswered: list[str] = []

    def watched() -> li.Registry:
        registry = new_registry()

        def look(request: Request) -> None:
            if is_manifest_put(request):
                kinds = ("/blobs/", "/manifests/sha256:") if "sha256:" not in request.path else ("/blobs/",)
                unanswered.extend(
                    f"{other.method} {other.path}"
                    for other in registry.requests
                    if other.method != "DELETE"
                    and other.status is None
                    and any(k in other.path for k in kinds)
                )

        registry.hook = look
        return registry

    a, b, layout = everything_written(watched, tmp_path)

    assert unanswered == []
    requests = [*a.requests, *b.requests]
    blobs = [request for request in requests if "/blobs/" in request.path and request.method != "DELETE"]
    staged = [request for request in requests if is_manifest_put(request) and "sha256:" in request.path]
    tags = [request for request in requests if is_manifest_put(request) and "sha256:" not in request.path]
    assert (len(staged), len(tags)) == (3, 3)
    assert max(request.arrived for request in blobs) <= min(request.arrived for request in staged)
    assert max(request.arrived for request in staged) <= min(request.arrived for request in tags)
    assert (layout / "index.json").exists()


def test_an_index_goes_after_what_it_reaches(registry: li.Registry) -> None:
    """Blobs, then the images' manifests, then the nested index's, then the index's own tag."""
    images = [li.Image.empty(f"linux/{name}").append(*some_layers(2)) for name in ("amd64", "arm64")]
    nested = li.Index.empty().add(images[1])
    li.Index.empty().add(images[0]).add(nested).write(f"{registry.host}/app:1")

    requests = [request for request in registry.requests if request.method != "DELETE"]
    digests = {str(images[0].digest()), str(images[1].digest())}
    blobs = [request for request in requests if "/blobs/" in request.path]
    puts = [request for request in requests if is_manifest_put(request)]
    children = [request for request in puts if request.path.rpartition("/")[2] in digests]
    [inner] = [request for request in puts if request.path.endswith(str(nested.digest()))]
    assert (len(puts), len(children)) == (4, 2)
    assert max(request.ended or 0 for request in blobs) <= min(request.arrived for request in children)
    assert max(request.ended or 0 for request in children) <= inner.arrived
    assert (inner.ended or 0) <= puts[-1].arrived
    assert puts[-1].path.endswith("/manifests/1")


@pytest.mark.parametrize("matches", [is_commit, is_whole_blob])
def test_no_tag_of_any_target_moves_while_one_blob_of_one_is_held_back(
    new_registry: Any, tmp_path: Path, matches: Any
) -> None:
    """A registry that is slow with one blob holds the manifests of the other registry and the layout back."""
    slow, fast = new_registry(), new_registry()
    held, moved = Held(matches), Held(is_manifest_put)
    moved.released.set()
    slow.hook, fast.hook = held, moved
    image = li.Image.empty().append(*some_layers(2))
    targets = f"{slow.host}/app:1", f"{fast.host}/app:1", li.OCILayout(tmp_path / "out", tag="v1")
    written = Aside(lambda: image.write(*targets, tags=["latest"]))
    assert held.arrived.wait(10)

    assert not moved.arrived.wait(0.3)
    assert not (tmp_path / "out/index.json").exists()
    assert not any(is_manifest_put(request) for request in slow.requests)
    held.released.set()
    written.result()
    assert (tmp_path / "out/index.json").exists()


def test_no_tag_moves_anywhere_when_one_registry_refuses_the_manifest(
    new_registry: Any, tmp_path: Path
) -> None:
    """A manifest is part of what has to be in place: refused at one target, it names nothing at another."""
    strict, friendly = new_registry(), new_registry()
    strict.hook = refusing(is_manifest_put, 400, "MANIFEST_INVALID", "not this kind")
    image = li.Image.empty().append(*some_layers(1))
    targets = f"{friendly.host}/app:1", f"{strict.host}/app:1", li.OCILayout(tmp_path / "out", tag="v1")

    with pytest.raises(RegistryError, match="not this kind") as caught:
        image.write(*targets)

    assert not any(line.endswith("/manifests/1") for line in asked(friendly) + asked(strict))
    assert not (tmp_path / "out/index.json").exists()
    assert "moved" not in "\n".join(caught.value.__notes__).replace("not moved", "")


def test_annotating_never_fetches_a_config(registry: li.Registry, push_base: Any) -> None:
    """In the same repository, into another, with a subject: no blob is read, the config's least of all."""
    push_base(registry.host, "base", layers=3)
    base = li.Image.from_registry(f"{registry.host}/base:1")
    other = li.Image.from_registry(f"{registry.host}/base:1").annotate({"is": "other"})
    registry.clear()

    annotated = base.annotate({"a": "b"}).annotate({"c": "d"})
    annotated.write(f"{registry.host}/base:2")
    annotated.write(f"{registry.host}/copy:1")
    annotated.with_subject(other).write(f"{registry.host}/base:3")
    annotated.digest()
    annotated.manifest()

    assert not any("GET" in line and "/blobs/" in line for line in asked(registry))
    assert not any(is_whole_blob(request) or is_commit(request) for request in registry.requests)


def test_a_config_is_fetched_once_when_something_edits_it(registry: li.Registry, push_base: Any) -> None:
    """The counterpart: two edits of one config are one GET of it, and of no layer."""
    push_base(registry.host, "base", layers=3)
    registry.clear()
    base = li.Image.from_registry(f"{registry.host}/base:1")
    base.configure(user="1").configure(author="me").write(f"{registry.host}/base:2")

    assert sum("GET" in line and "/blobs/" in line for line in asked(registry)) == 1
