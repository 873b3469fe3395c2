"""The engine: settings, the current one, and what it forces."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import frozen

import lazyimg as li
from lazyimg.engine import current_engine
from lazyimg.errors import ForcedInside, InvalidSetting
from lazyimg.thunk.events import Ended, Event, Started
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.images import Pushing

    from lazyimg.thunk.run import Run


@frozen
class Number(Thunk[int]):
    """A number."""

    value: int

    def evaluate(self, run: Run) -> int:  # noqa: ARG002 - known without a run
        return self.value


@frozen
class Calls(Thunk[Any]):
    """Calls a function of the test's from an evaluation."""

    name: str
    function: Any

    def evaluate(self, run: Run) -> Any:  # noqa: ARG002 - not needed
        return self.function.value()


def inside(function: Callable[[], Any]) -> Any:
    """Call a function from inside an evaluation."""
    return li.Engine().force(Calls("calls", Opaque(function)))


class TestSettings:
    """What an engine is made with."""

    @pytest.mark.parametrize("jobs", [0, -1])
    def test_somebody_has_to_work(self, jobs: int) -> None:
        """Refused at once."""
        with pytest.raises(ValueError, match=f"jobs={jobs}"):
            li.Engine(jobs=jobs)

    def test_making_one_has_no_effect(self, tmp_path: Path) -> None:
        """Nothing is looked at or connected."""
        engine = li.Engine(
            scratch=tmp_path / "absent", insecure=["a.invalid"], keychain=li.StaticKeychain({})
        )
        engine.close()

    @pytest.mark.parametrize("timeout", [0, -1.5])
    def test_time_is_needed(self, timeout: float) -> None:
        """Refused at once."""
        with pytest.raises(InvalidSetting, match=f"timeout={timeout}"):
            li.Engine(timeout=timeout)

    def test_one_insecure_host_is_one(self) -> None:
        """A text is a host, not a host for each of its letters."""
        assert li.Engine(insecure="reg.lan:5000").insecure == ("reg.lan:5000",)

    def test_scratch_is_made_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It stays where it was when the engine was made, and ``~`` is the user's directory."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", "/home/me")
        assert li.Engine(scratch="here").begin().scratch == tmp_path / "here"
        assert str(li.Engine(scratch="~/there").begin().scratch) == "/home/me/there"

    @pytest.mark.parametrize(
        "proxy", ["me:s3cret@127.0.0.1:1", "http://me:s3/cret@127.0.0.1:1", "ftp://me:s3cret@127.0.0.1:1"]
    )
    def test_a_proxy_that_is_none_is_not_repeated(self, proxy: str) -> None:
        """Its address may hold a password."""
        with pytest.raises(InvalidSetting, match="proxy's address") as caught:
            li.Engine(proxy=proxy)
        assert "s3" not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("setting", ["ca", "client_cert"])
    def test_a_file_of_certificates_is_named(self, setting: str, tmp_path: Path) -> None:
        """Both one that is not there, and one that holds something else."""
        (tmp_path / "other.pem").write_text("nothing of the kind")
        for name in ("absent.pem", "other.pem"):
            file = tmp_path / name
            with li.Engine(**{setting: file}), pytest.raises(InvalidSetting, match=f"{setting}={file}"):
                li.Image.empty().write("registry.invalid/app:1")

    def test_its_text_holds_no_credential(self) -> None:
        """Nor what could."""
        keychain = li.StaticKeychain({"a.example": ("me", "s3cret")})
        assert "s3cret" not in repr(li.Engine(keychain=keychain))

    def test_it_is_not_pickled(self) -> None:
        """The message says what to do instead."""
        with pytest.raises(TypeError, match="make one where it is used"):
            pickle.dumps(li.Engine())

    def test_a_transport_is_used_instead_of_the_network(self) -> None:
        """Every request goes through it."""
        asked = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(403, json={"errors": [{"code": "DENIED", "message": "no"}]})

        with li.Engine(transport=httpx.MockTransport(answer)), pytest.raises(PermissionError):
            li.Image.empty().write("registry.invalid/app:1")
        assert [request.method for request in asked] == ["POST"]

    def test_an_insecure_host_is_spoken_to_in_plain_text(self) -> None:
        """Named as references name it; another is not."""
        urls = []

        def answer(request: httpx.Request) -> httpx.Response:
            urls.append(str(request.url))
            return httpx.Response(403, json={"errors": [{"code": "DENIED", "message": "no"}]})

        engine = li.Engine(insecure=["plain.invalid:5000"], transport=httpx.MockTransport(answer))
        for host in ("plain.invalid:5000", "other.invalid"):
            with engine, pytest.raises(PermissionError):
                li.Image.empty().write(f"{host}/app:1")
        assert [url.partition("://")[0] for url in urls] == ["http", "https"]

    def test_its_name_goes_with_every_request(self, registry: li.Registry) -> None:
        """Before our own, so that a registry's people know whom to ask."""
        with li.Engine(user_agent="builder/1"):
            li.Image.empty().write(f"{registry.host}/app:1")
        assert all(r.headers["user-agent"].startswith("builder/1") for r in registry.requests)

    def test_retries_and_timeouts_reach_the_client(self, registry: li.Registry) -> None:
        """No retry is one request."""
        registry.hook = lambda _: (503, "UNAVAILABLE", "later")
        with li.Engine(retries=0, timeout=5), pytest.raises(li.LazyImgError, match="503"):
            li.Image.empty().write(f"{registry.host}/app:1")
        assert len(registry.requests) == 1

    def test_events_are_told_where_it_forces(self) -> None:
        """On the calling thread, beginning and end."""
        events: list[tuple[int, Event]] = []
        li.Engine(on_event=lambda event: events.append((threading.get_ident(), event))).force(Number(3))
        assert [type(event) for _, event in events] == [Started, Ended]
        assert {thread for thread, _ in events} == {threading.get_ident()}


class TestCurrent:
    """The engine of the innermost block."""

    def test_blocks_nest(self) -> None:
        """The one outside is back at the end, however the block ends."""
        default = current_engine()
        with li.Engine() as outer:
            with contextlib.suppress(KeyError), li.Engine(jobs=1) as inner:
                assert current_engine() is inner
                raise KeyError
            assert current_engine() is outer
            with outer:
                assert current_engine() is outer
            assert current_engine() is outer
        assert current_engine() is default

    def test_it_is_the_one_that_writes(self, registry: li.Registry) -> None:
        """And one that is named comes before it."""
        users = []
        registry.hook = lambda request: users.append(request.headers["user-agent"])
        named = li.Engine(user_agent="named")
        with li.Engine(user_agent="current"):
            li.Image.empty().write(f"{registry.host}/app:1")
            li.Image.empty().annotate({"a": "b"}).write(f"{registry.host}/app:2", engine=named)
            li.write({f"{registry.host}/app:3": li.Image.empty().annotate({"c": "d"})}, engine=named)
        named.close()
        assert {user.split()[0] for user in users} == {"current", "named"}

    def test_another_thread_does_not_inherit_it(self) -> None:
        """It has the default one, and may enter the same engine itself."""
        found = []

        def work() -> None:
            found.append(current_engine())
            with engine:
                found.append(current_engine())
            found.append(current_engine())

        default = current_engine()
        with li.Engine() as engine:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert current_engine() is engine
        assert found == [li.engine._default, engine, li.engine._default]
        assert current_engine() is default

    def test_tasks_of_one_thread_have_each_their_own(self) -> None:
        """Blocks of tasks that take turns need not end in the order they began."""
        engines = li.Engine(), li.Engine()
        found = []

        async def task(engine: li.Engine, turn: asyncio.Event, other: asyncio.Event) -> None:
            with engine:
                other.set()
                await turn.wait()
                found.append(current_engine() is engine)

        async def both() -> None:
            first, second = asyncio.Event(), asyncio.Event()
            await asyncio.gather(task(engines[0], first, second), task(engines[1], second, first))

        default = current_engine()
        asyncio.run(both())
        assert found == [True, True]
        assert current_engine() is default

    def test_a_block_may_end_elsewhere(self) -> None:
        """As that of a generator does which another thread closes."""

        def begun() -> Iterator[None]:
            with engine:
                yield

        engine, default = li.Engine(), current_engine()
        generator = begun()
        thread = threading.Thread(target=lambda: next(generator))
        thread.start()
        thread.join()
        generator.close()
        assert current_engine() is default

    def test_it_stays_open_until_the_last_block_ends(self, registry: li.Registry) -> None:
        """A block that ends in between closes nothing under another; afterwards it can be used again."""
        engine = li.Engine()
        image = li.Image.empty()
        with engine:
            image.write(f"{registry.host}/app:1")
            client = engine._runtime.client(li.Reference.parse(f"{registry.host}/app"))
            with engine:
                image.write(f"{registry.host}/app:2")
            assert engine._runtime.client(li.Reference.parse(f"{registry.host}/app")) is client
        with engine:
            assert engine._runtime.client(li.Reference.parse(f"{registry.host}/app")) is not client
            image.write(f"{registry.host}/app:3")


class TestForce:
    """Forcing a graph."""

    def test_any_thunk(self) -> None:
        """Its value comes back."""
        assert li.Engine().force(Number(3)) == 3

    @pytest.mark.parametrize(
        "asked",
        [
            lambda: li.Engine().force(Number(3)),
            lambda: li.Image.empty().digest(),
            lambda: li.Image.empty().config(),
            lambda: li.Image.empty().layers(),
            lambda: li.Layer.from_files({"/a": b"a"}).size(),
            lambda: li.Image.empty().write("a.invalid/b:1"),
            lambda: li.write({"a.invalid/b:1": li.Image.empty()}),
        ],
    )
    def test_from_inside_an_evaluation_it_is_refused(self, asked: Callable[[], Any]) -> None:
        """It would wait for itself; the message says what to do."""
        with pytest.raises(ForcedInside, match="declare it as an input"):
            inside(asked)

    def test_composing_inside_an_evaluation_is_no_forcing(self) -> None:
        """Only asking is."""
        image = li.Image.empty().annotate({"a": "b"})
        assert inside(lambda: li.Image.empty().annotate({"a": "b"}).key) == image.key

    def test_many_threads_write_with_one_engine(self, registry: li.Registry, app: Pushing) -> None:
        """Each its own image."""
        errors: list[BaseException] = []
        with li.Engine(jobs=2) as engine:

            def work(number: int) -> None:
                try:
                    layer = li.Layer.from_files({"/number": str(number).encode()})
                    image = li.Image.empty().append(layer)
                    image.write(f"{registry.host}/app:{number}", engine=engine)
                except BaseException as error:  # noqa: BLE001 - told below
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert not errors
        assert app.tags() == [str(number) for number in range(8)]
