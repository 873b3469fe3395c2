"""Writes that fail: what comes out, what the notes say, and what is left."""

from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.bodies import some_bytes
from support.front import Front
from support.images import Pushing, sha256

import lazyimg as li
from lazyimg.errors import Denied, RegistryError, RegistryUnreachable, SourceError, Unauthorized
from lazyimg.thunk.events import Failed, Told

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable
    from pathlib import Path

    from support.http_server import Exchange

    from lazyimg.server.request import Request
    from lazyimg.thunk.events import Event


class Failing(io.RawIOBase):
    """Gives bytes that do not compress, then raises."""

    NOISE = some_bytes(1 << 20)

    def __init__(self, error: BaseException, after: int = 1 << 20) -> None:
        super().__init__()
        self._error = error
        self._left = after

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            raise self._error
        size = min(len(buffer), self._left, len(self.NOISE))
        buffer[:size] = self.NOISE[:size]
        self._left -= size
        return size


def refusing(method: str, part: str, *answer: Any) -> Callable[[Request], Any]:
    """Refuse the requests of a method whose path has a part."""
    return lambda request: answer if request.method == method and part in request.path else None


def notes_of(error: BaseException) -> str:
    return "\n".join(error.__notes__)


def test_what_a_source_raises_comes_out_as_it_is(app: Pushing, registry: li.Registry) -> None:
    """The very object, with the line of the layer; the begun uploads are cancelled, no manifest is sent."""
    error = RuntimeError("the user's own")
    layer = li.Layer.from_stream(Failing(error))
    with pytest.raises(RuntimeError) as caught:
        li.Image.empty().append(layer).write(f"{app.host}/app:1")
    assert caught.value is error
    notes = notes_of(error)
    assert "while consuming FromStream(" in notes
    assert "test_failures.py" in notes
    assert "1,048,576 bytes of 1 local source were read" in notes
    assert f"{app.host}/app:1: nothing in place; tag 1: not moved" in notes
    methods = [request.method for request in registry.requests]
    assert methods[-1] == "DELETE"
    assert not any("manifests" in request.path for request in registry.requests)


def test_the_others_are_told_as_in_place(app: Pushing, registry: li.Registry) -> None:
    """A blob that arrived before the failure is said to be there."""
    arrived = threading.Event()

    class Late(Failing):
        def readinto(self, buffer: Any) -> int:
            arrived.wait(10)
            return super().readinto(buffer)

    def watch(event: Event) -> None:
        if isinstance(event, Told) and event.what == "uploaded":
            arrived.set()

    layers = [li.Layer.from_files({"/a": b"a"}), li.Layer.from_stream(Late(RuntimeError("late"), 0))]
    with li.Engine(on_event=watch), pytest.raises(RuntimeError) as caught:
        li.Image.empty().append(*layers).write(f"{registry.host}/app:1")
    assert f"{app.host}/app:1: 1 uploaded; tag 1: not moved" in notes_of(caught.value)


def test_a_denied_push(registry: li.Registry) -> None:
    """A PermissionError, in the registry's words, and nothing was read or asked besides."""
    registry.deny("app")
    opened = []
    image = li.Image.from_registry(f"{registry.host}/base:1").append(
        li.Layer.from_opener(lambda: opened.append(1))
    )
    with pytest.raises(PermissionError, match=r"cannot push to app: .* answered 403: DENIED") as caught:
        image.write(f"{registry.host}/app:1")
    assert isinstance(caught.value, Denied)
    assert not opened
    assert len(registry.requests) == 1
    session, expand, *left = caught.value.__notes__
    assert session.startswith(
        f"while forcing OpenSession(site={registry.host}/app, pulls=('base',)), composed at "
    )
    assert expand.startswith("needed by Expand((<Append ")
    assert left == [
        "no local source was opened",
        f"{registry.host}/app:1: nothing in place; tag 1: not moved",
    ]


def test_a_push_without_credentials() -> None:
    """Unauthorized is a PermissionError too."""
    with li.Registry(users={"me": "s3cret"}) as registry, pytest.raises(PermissionError) as caught:
        li.Image.empty().write(f"{registry.host}/app:1")
    assert isinstance(caught.value, Unauthorized)


def test_nobody_there(registry: li.Registry) -> None:
    """A registry that does not listen is a ConnectionError that names it."""
    host = registry.host
    registry.stop()
    with li.Engine(retries=0), pytest.raises(ConnectionError, match=host) as caught:
        li.Image.empty().write(f"{host}/app:1")
    assert isinstance(caught.value, RegistryUnreachable)


def test_a_denied_session_gives_the_others_back(registry: li.Registry) -> None:
    """What another repository agreed to is cancelled."""
    registry.deny("no")
    with pytest.raises(PermissionError):
        li.Image.empty().write(f"{registry.host}/yes:1", f"{registry.host}/no:1")
    methods = [request.method for request in registry.requests if "/yes/" in request.path]
    assert methods in ([], ["POST"], ["POST", "DELETE"])
    begun = sum(r.method == "POST" and r.status == 202 for r in registry.requests)
    assert begun == sum(r.method == "DELETE" for r in registry.requests)


@pytest.mark.parametrize(("status", "state"), [(400, "not moved"), (500, "unknown")])
def test_a_tag_that_is_refused(registry: li.Registry, app: Pushing, status: int, state: str) -> None:
    """After a refusal it is where it was; after a fault nobody knows, and nobody says so."""
    registry.hook = refusing("PUT", "/manifests/2", status, "NO", "not this tag")
    with li.Engine(retries=0), pytest.raises(RegistryError, match="not this tag") as caught:
        li.Image.empty().write(f"{registry.host}/app:1", tags=["2", "3"])
    notes = notes_of(caught.value)
    assert "tag 1: moved" in notes
    assert f"tag 2: {state}" in notes
    assert "tag 3: not moved" in notes
    assert app.tags() == ["1"]


def answering(front: Front, *answers: tuple[int, str] | None) -> None:
    """Answer the PUTs of manifests in turn: with a refusal, or, for None, do as told and lose the answer."""
    turn = iter(answers)

    def intercept(exchange: Exchange) -> bool:
        if exchange.method != "PUT" or "/manifests/" not in exchange.path:
            return False
        answer = next(turn, None)
        exchange.is_mute = answer is None
        if answer is not None:
            body = json.dumps({"errors": [{"code": "NO", "message": answer[1]}]}).encode()
            exchange.read()
            exchange.answer(answer[0], body, {"Content-Type": "application/json"})
        return answer is not None

    front.intercept = intercept


def test_a_tag_whose_answer_was_lost_and_that_cannot_move_again(
    registry: li.Registry, app: Pushing, front: Callable[[str], Front]
) -> None:
    """A registry whose tags never move refuses the second PUT: the first has done it, so all is well."""
    proxy = front(registry.host)
    answering(proxy, None, (400, "tags never move"))
    result = li.Image.empty().write(f"{proxy.host}/app:1")
    assert sha256(app.raw("1")) == result.digest
    assert result.targets[0].tags == ("1",)
    assert result.digest in [one.digest for one in result.uploaded]


def test_a_tag_that_was_refused_after_a_fault(
    registry: li.Registry, app: Pushing, front: Callable[[str], Front]
) -> None:
    """It is looked at; where it does not say the image it has not moved, where it cannot be nobody knows."""
    proxy = front(registry.host)
    answering(proxy, (503, "later"), (400, "tags never move"))
    with pytest.raises(RegistryError, match="tags never move") as caught:
        li.Image.empty().write(f"{proxy.host}/app:1")
    assert "tag 1: not moved" in notes_of(caught.value)
    answering(proxy, None, (400, "tags never move"))
    registry.hook = refusing("HEAD", "/manifests/", 403, "DENIED", "no looking")
    with pytest.raises(RegistryError, match="tags never move") as caught:
        li.Image.empty().write(f"{proxy.host}/app:1")
    assert "tag 1: unknown" in notes_of(caught.value)
    assert app.tags() == ["1"]


def test_a_tag_that_moved_before_its_referrer_was_refused(
    registry: li.Registry, front: Callable[[str], Front]
) -> None:
    """The fallback tag that lists referrers comes after the image's own, which has moved."""
    proxy = front(registry.host)

    def without_referrers(exchange: Exchange) -> bool:
        if exchange.method == "PUT" and "/manifests/sha256-" in exchange.path:
            exchange.read()
            exchange.answer(403)
            return True
        return False

    def forgetful(exchange: Exchange, response: http.client.HTTPResponse) -> None:
        del response.headers["OCI-Subject"]  # as a registry that has no referrers API
        Front._answer(exchange, response)

    proxy.intercept = without_referrers
    proxy._answer = forgetful  # type: ignore[method-assign]
    image = li.Image.empty().annotate({"a": "b"}).with_subject(li.Image.empty())
    with pytest.raises(PermissionError) as caught:
        image.write(f"{proxy.host}/app:1")
    assert "tag 1: moved" in notes_of(caught.value)


def test_a_tag_of_a_layout_is_told_whatever_it_looks_like(registry: li.Registry, tmp_path: Path) -> None:
    """There a tag may be a whole reference."""
    registry.deny("no")
    layout = li.OCILayout(tmp_path / "out", tag="ghcr.io/me/app:1")
    with pytest.raises(PermissionError) as caught:
        li.Image.empty().write(f"{registry.host}/no:1", layout)
    assert "tag ghcr.io/me/app:1: not moved" in notes_of(caught.value)


def test_a_registry_that_refuses_the_blob(registry: li.Registry) -> None:
    """The error is the registry's, the line is the layer's, and no manifest is sent."""
    registry.hook = refusing("PATCH", "/uploads/", 403, "DENIED", "no more blobs")
    layer = li.Layer.from_stream(io.BytesIO(some_bytes(8 << 20)))
    with pytest.raises(Denied, match="no more blobs") as caught:
        li.Image.empty().append(layer).write(f"{registry.host}/app:1")
    assert "while consuming FromStream(" in notes_of(caught.value)
    assert not any("manifests" in request.path for request in registry.requests)


def test_one_target_that_refuses_ends_the_write_of_the_other(registry: li.Registry, tmp_path: Path) -> None:
    """All or nothing: the layout names no image."""
    registry.hook = refusing("PATCH", "/uploads/", 403, "DENIED", "no more blobs")
    layer = li.Layer.from_stream(io.BytesIO(some_bytes(8 << 20)))
    with pytest.raises(Denied):
        li.Image.empty().append(layer).write(
            f"{registry.host}/app:1", li.OCILayout(tmp_path / "out", tag="v1")
        )
    assert not (tmp_path / "out/index.json").exists()
    assert {path.name for path in (tmp_path / "out/blobs").iterdir()} == {"sha256"}


def test_a_file_that_is_not_there(app: Pushing, tmp_path: Path) -> None:
    """The path, what to do, the line."""
    image = li.Image.empty().append(li.Layer.from_tar(tmp_path / "absent.tar"))
    with pytest.raises(SourceError, match=r"absent\.tar.*check the path") as caught:
        image.write(f"{app.host}/app:1")
    assert isinstance(caught.value, OSError)
    assert "test_failures.py" in notes_of(caught.value)


def test_whatever_cancelling_meets_is_ignored(registry: li.Registry) -> None:
    """A transport of the user's may raise anything: the error is still the source's, all are cancelled."""
    cancelled = []

    class Breaking(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                cancelled.append(request.url.path)
                raise ZeroDivisionError
            return super().handle_request(request)

    error = RuntimeError("the user's own")
    streams = [li.Layer.from_stream(Failing(error, after=8 << 20)) for _ in range(2)]
    with li.Engine(transport=Breaking()), pytest.raises(RuntimeError) as caught:
        li.Image.empty().append(*streams).write(f"{registry.host}/app:1")
    assert caught.value is error
    begun = sum(request.method == "POST" for request in registry.requests)
    assert len(cancelled) == begun


def test_the_next_write_goes_well(app: Pushing, registry: li.Registry, tmp_path: Path) -> None:
    """A failure leaves nothing behind that hinders it, with the same engine and the same image."""
    path = tmp_path / "late.tar"
    image = li.Image.empty().append(li.Layer.from_tar(path))
    registry.hook = refusing("PUT", "/manifests/", 400, "NO", "not now")
    with pytest.raises(SourceError):
        image.write(f"{app.host}/app:1")
    path.write_bytes(bytes(10240))
    with pytest.raises(RegistryError, match="not now"):
        image.write(f"{app.host}/app:1")
    registry.hook = None
    assert sha256(app.raw("1") if image.write(f"{app.host}/app:1") else b"") == image.digest()


def test_failures_are_events(app: Pushing) -> None:
    """The observer hears of the thunk and of the error."""
    error = RuntimeError("the user's own")
    failed: list[Failed] = []
    observe = lambda event: failed.append(event) if isinstance(event, Failed) else None  # noqa: E731
    with li.Engine(on_event=observe), pytest.raises(RuntimeError):
        li.Image.empty().append(li.Layer.from_stream(Failing(error))).write(f"{app.host}/app:1")
    assert [(event.name, event.error) for event in failed] == [("Consume", error)]


def test_a_base_exception_comes_out_too(app: Pushing) -> None:
    """What is no Exception ends the write as well."""

    class Stop(BaseException):
        pass

    with pytest.raises(Stop):
        li.Image.empty().append(li.Layer.from_stream(Failing(Stop()))).write(f"{app.host}/app:1")
