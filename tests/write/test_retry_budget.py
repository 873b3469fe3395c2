"""A write has its retries, as each request has: a registry that fails more than it answers ends it soon."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes

import lazyimg as li
from lazyimg.registry.budget import Budget
from lazyimg.registry.retry import Retries
from lazyimg.server.errors import ApiError
from lazyimg.server.faults import Fault, Reset, Status, rate_limit

if TYPE_CHECKING:
    from lazyimg.server.request import Request

QUICK = Retries(first=0.001, longest=0.002)
LAYERS = 30


def image() -> li.Image:
    """Compose an image of many layers."""
    layers = [li.Layer.from_files({f"/{number}": some_bytes(100, seed=number)}) for number in range(LAYERS)]
    return li.Image.empty().append(*layers)


def engine(registry: li.Registry, retries: Retries = QUICK, jobs: int = 1) -> li.Engine:
    """Make an engine that tries again so often."""
    return li.Engine(jobs=jobs, hosts={registry.host: li.Host(retries=retries)}, retries=retries.count)


class Failing:
    """Fails so many of so many POSTs: a hook for a registry."""

    def __init__(self, failures: int, of: int, status: int = 503, **headers: str) -> None:
        self.failed = 0
        self._status = 429 if headers else status
        self._asked = 0
        self._failures, self._of, self._headers = failures, of, headers
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> None:
        if request.method != "POST":
            return
        with self._lock:
            self._asked += 1
            is_failing = self._asked % self._of < self._failures
            self.failed += is_failing
        if is_failing:
            raise ApiError(self._status, "UNAVAILABLE", "dying", headers=self._headers)


def test_write_against_a_dying_registry_ends_soon(registry: li.Registry) -> None:
    """Each request would get through at its last try, but all of them together may not try so often."""
    registry.hook = failing = Failing(4, of=5)
    with engine(registry), pytest.raises(li.LazyImgError, match="503: UNAVAILABLE: dying") as raised:
        image().write(f"{registry.host}/app:1")
    [note] = [note for note in raised.value.__notes__ if "given up" in note]
    assert "of 4 retries of this request and all 20 of the write" in note
    assert registry.host in note
    assert failing.failed < 50  # of the 124 that the single requests would have taken
    assert not any("/manifests/" in request.path for request in registry.requests)


def test_all_workers_share_the_retries_of_a_write(registry: li.Registry) -> None:
    """Several at once end as soon as one alone, however often each of them may try."""
    registry.faults.add(Fault(Status(503), "POST", skip=1, times=None))  # all but the session's
    many = Retries(count=100, first=0.001, longest=0.002, together=20)
    with li.Engine(jobs=8, retries=many), pytest.raises(li.LazyImgError, match="503"):
        image().write(f"{registry.host}/app:1")
    assert [request.method for request in registry.requests].count("POST") < 1 + 8 + 20 + 20


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_bad_line_gets_everything_through(registry: li.Registry, status: int) -> None:
    """What succeeds gives retries back: with more failures than the write has retries, all arrives."""
    registry.hook = failing = Failing(1, of=2, status=status)
    with engine(registry):
        result = image().write(f"{registry.host}/app:1")
    assert failing.failed > 20
    assert len(result.uploaded) == LAYERS + 2


def test_a_registry_that_says_when_to_come_back_is_not_dying(registry: li.Registry) -> None:
    """A 429 with ``Retry-After`` is obeyed as often as each request may be tried again."""
    registry.hook = failing = Failing(1, of=2, **{"Retry-After": "0"})
    with li.Engine(jobs=1, retries=Retries(first=0.001, together=0)):
        image().write(f"{registry.host}/app:1")
    assert failing.failed > 20


def test_one_request_has_its_own_end(registry: li.Registry) -> None:
    """A request that fails each time is tried as often as one may be, however much the write has left."""
    registry.faults.add(Fault(Status(502), "POST", times=None))
    with (
        engine(registry, Retries(count=2, first=0.001, together=100)),
        pytest.raises(li.LazyImgError, match="502"),
    ):
        image().write(f"{registry.host}/app:1")
    assert [request.method for request in registry.requests] == ["POST"] * 3


def test_the_write_has_less_than_a_request(registry: li.Registry) -> None:
    """``together`` bounds a single request, too."""
    registry.faults.add(Fault(Reset(), "POST", times=None))
    with li.Engine(retries=Retries(first=0.001, together=1)), pytest.raises(ConnectionError) as raised:
        image().write(f"{registry.host}/app:1")
    assert len(registry.requests) == 2
    assert any(
        "1 of 4 retries of this request and all 1 of the write" in note for note in raised.value.__notes__
    )


def test_uploads_take_from_the_same_budget(registry: li.Registry) -> None:
    """A body that breaks is sent again at the cost of the write; an upload that gets on gives it back."""
    registry.faults.add(Fault(Reset(), "PATCH", received=10, times=None))
    with (
        li.Engine(jobs=1, retries=Retries(first=0.001, together=2)),
        pytest.raises(ConnectionError) as raised,
    ):
        image().write(f"{registry.host}/app:1")
    patches = [request for request in registry.requests if request.method == "PATCH"]
    assert len(patches) == 4  # as each answer to where the upload stands gives half a retry back
    assert any("all 2 of the write" in note for note in raised.value.__notes__)


def test_a_long_upload_over_a_bad_line(registry: li.Registry) -> None:
    """Cut after each mebibyte or two, a layer costs the write nothing but time."""
    registry.faults.add(Fault(Reset(), "PATCH", received=3 << 20, times=5))
    layer = li.Layer.from_opener(lambda: io.BytesIO(some_bytes(20 << 20)), compression=li.Uncompressed())
    with li.Engine(retries=Retries(first=0.001, together=1)):
        li.Image.empty().append(layer).write(f"{registry.host}/app:1")
    assert [request.method for request in registry.requests].count("PATCH") == 6


def test_reading_takes_from_the_same_budget(registry: li.Registry) -> None:
    """A layer that is read from elsewhere and breaks again and again ends the write, too."""
    layer = li.Layer.from_opener(lambda: io.BytesIO(some_bytes(1 << 20)), compression=li.Uncompressed())
    with li.Registry() as other, li.Engine(retries=Retries(count=50, first=0.001, together=3)):
        li.Image.empty().append(layer).write(f"{other.host}/base:1")
        other.faults.add(Fault(Reset(), "GET", "*/blobs/*", sent=100, times=None))
        other.clear()
        with pytest.raises(ConnectionError) as raised:
            li.Image.from_registry(f"{other.host}/base:1").write(f"{registry.host}/app:1")
        reads = [request.kind for request in other.requests].count("blob")
    assert reads < 20  # each answer that begins gives half a retry back; one read alone would take 51
    assert any("all 3 of the write" in note for note in raised.value.__notes__)
    assert not any("/manifests/" in request.path for request in registry.requests)


def test_each_write_begins_with_all(registry: li.Registry) -> None:
    """The retries are those of one write, not of the engine."""
    with li.Engine(retries=Retries(first=0.001, together=1)):
        for number in range(5):
            registry.faults.add(Fault(rate_limit(None), "POST"))
            li.Image.empty().write(f"{registry.host}/app:{number}")
    assert [request.status for request in registry.requests].count(429) == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 451, 501])
def test_a_registry_that_says_no_is_not_asked_again(registry: li.Registry, status: int) -> None:
    """One request is the whole write, whatever retries there are."""
    registry.faults.add(Fault(Status(status), "POST", times=None))
    with engine(registry), pytest.raises(li.LazyImgError, match=str(status)):
        image().write(f"{registry.host}/app:1")
    assert [request.method for request in registry.requests] == ["POST"]


def test_budget() -> None:
    """Half a retry is none; there is never more than at the beginning; without a bound there is no end."""
    budget = Budget(2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    for _ in range(9):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    assert budget.spent == 4
    assert all(Budget().spend() for _ in range(100))
