"""A registry can be told to take of an upload only so much at once, or no less, or the end with the PUT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server.limits import UploadLimits
from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = bytes(range(250)) * 4


@pytest.fixture
def hand_of(_stack: Any) -> Callable[..., httpx.Client]:
    """Give a function that makes a registry with limits, and a client of it."""

    def make(**limits: Any) -> httpx.Client:
        registry = _stack.enter_context(Registry(limits=UploadLimits(**limits)))
        return _stack.enter_context(httpx.Client(base_url=registry.url))

    return make


def begin(http: httpx.Client) -> httpx.Response:
    answer = http.post("/v2/a/blobs/uploads/")
    assert answer.status_code == 202
    return answer


def codes(answer: httpx.Response) -> tuple[int, list[str]]:
    return answer.status_code, [error["code"] for error in answer.json()["errors"]]


def digest(data: bytes) -> dict[str, str]:
    from lazyimg.oci.digest import Digest  # noqa: PLC0415

    return {"digest": Digest.of(data)}


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "without"])
@pytest.mark.parametrize("form", ["post", "put", "patch"])
def test_a_body_beyond_the_limit(hand_of: Callable[..., httpx.Client], form: str, *, chunked: bool) -> None:
    """It is refused by 413 in every form of an upload, whether it says its length or not; less is taken."""

    def body(data: bytes) -> bytes | Iterator[bytes]:
        return (data[at : at + 100] for at in range(0, len(data), 100)) if chunked else data

    http = hand_of(body=500)
    for data, status in ((DATA, 413), (DATA[:500], 202 if form == "patch" else 201)):
        url = "/v2/a/blobs/uploads/" if form == "post" else begin(http).headers["location"]
        answer = http.request(form, url, params={} if form == "patch" else digest(data), content=body(data))
        assert answer.status_code == status
    assert "500 bytes" in http.patch(begin(http).headers["location"], content=DATA).text


def test_what_came_of_a_body_beyond_the_limit_is_told(hand_of: Callable[..., httpx.Client]) -> None:
    """The upload goes on from there."""
    http = hand_of(body=500)
    location = begin(http).headers["location"]
    http.patch(location, content=DATA[:300])
    assert http.patch(location, content=DATA).status_code == 413
    assert http.get(location).headers["range"] == "0-299"
    http.patch(location, content=DATA[300:700])
    assert http.put(location, params=digest(DATA), content=DATA[700:]).status_code == 201


def test_chunks_are_no_smaller_than_told(hand_of: Callable[..., httpx.Client]) -> None:
    """The POST tells it; after a shorter one nothing more is taken, but the upload can be ended."""
    http = hand_of(chunk=400)
    begun = begin(http)
    assert begun.headers["oci-chunk-min-length"] == "400"
    location = begun.headers["location"]
    for part in (DATA[:400], DATA[400:700]):
        assert http.patch(location, content=part).status_code == 202
    assert codes(http.patch(location, content=DATA[700:])) == (400, ["SIZE_INVALID"])
    assert codes(http.put(location, params=digest(DATA), content=DATA[700:])) == (400, ["SIZE_INVALID"])
    assert http.put(location, params=digest(DATA[:700])).status_code == 201


def test_the_last_chunk_comes_with_the_put(hand_of: Callable[..., httpx.Client]) -> None:
    """A PUT without one is refused, and the upload stays; a blob of nothing needs none."""
    http = hand_of(last_in_put=True)
    location = begin(http).headers["location"]
    http.patch(location, content=DATA[:600])
    assert codes(http.put(location, params=digest(DATA[:600]))) == (400, ["SIZE_INVALID"])
    assert http.put(location, params=digest(DATA), content=DATA[600:]).status_code == 201
    assert http.put(begin(http).headers["location"], params=digest(b"")).status_code == 201


def test_blobs_in_one_request_alone(hand_of: Callable[..., httpx.Client]) -> None:
    """PATCH is answered 405."""
    http = hand_of(patch=False)
    location = begin(http).headers["location"]
    assert codes(http.patch(location, content=DATA)) == (405, ["UNSUPPORTED"])
    assert http.put(location, params=digest(DATA), content=DATA).status_code == 201


def test_without_limits_nothing_is_told(hand_of: Callable[..., httpx.Client]) -> None:
    """The header is there only if there is something to say."""
    assert "oci-chunk-min-length" not in begin(hand_of()).headers
