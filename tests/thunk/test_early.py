"""Values that a producer publishes while it is still at work."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from attrs import field, frozen

from lazyimg.thunk.events import Ended, Event, Started
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Early, Thunk

Force = Callable[..., Any]
Work = Callable[..., Any]


def opaque(work: Work) -> Opaque[Work]:
    return Opaque(work)


@frozen
class Producer(Thunk[str]):
    work: Opaque[Work] = field(converter=opaque)
    effectful = True

    def evaluate(self, run: Run) -> Any:
        return self.work.value(run)


@frozen
class PureProducer(Producer):
    effectful = False


@frozen
class Named(Early[str]):
    """One of several early values of one producer."""

    label: str


@frozen
class Then(Thunk[Any]):
    work: Opaque[Work] = field(converter=opaque)
    needs: tuple[Thunk[Any], ...]
    effectful = True

    def evaluate(self, run: Run) -> Any:
        return self.work.value(*map(run.value, self.needs))


@frozen
class All(Thunk[Any]):
    needs: tuple[Thunk[Any], ...]

    def evaluate(self, run: Run) -> Any:
        return tuple(map(run.value, self.needs))


def test_who_needs_only_the_early_value_goes_on_while_the_producer_is_held(force: Force) -> None:
    """The producer ends only after its dependent has: waiting for its end would never end."""
    released = threading.Event()

    def produce(run: Run) -> str:
        run.publish(early[0], "identity")
        assert released.wait(10)
        return "uploaded"

    producer = Producer(produce)
    early: list[Early[str]] = [Early(producer)]

    def seal(identity: str) -> str:
        released.set()
        return f"config of {identity}"

    config = Then(seal, (early[0],))
    seen: list[Event] = []
    assert force(All((producer, config)), observer=seen.append) == ("uploaded", "config of identity")
    told = [(type(event), event.name) for event in seen]
    assert told.index((Ended, "Then")) < told.index((Ended, "Producer"))


def test_one_job_waits_for_the_producer_and_still_ends(force: Force) -> None:
    """With a single job the early value is known early, and used when the worker is free."""
    producer = Producer(lambda run: (run.publish(early[0], "identity"), "uploaded")[1])
    early: list[Early[str]] = [Early(producer)]
    then = Then(lambda identity: identity, (early[0],))
    assert force(All((producer, then)), jobs=1) == ("uploaded", "identity")


@pytest.mark.parametrize("cls", [Producer, PureProducer], ids=["effectful", "pure"])
def test_a_producer_has_several_early_values(cls: type[Producer], force: Force) -> None:
    """A parameter tells them apart; the first value published for one is the one that counts."""
    values: dict[str, Named] = {}

    def produce(run: Run) -> str:
        for label, early in values.items():
            run.publish(early, f"{label} 1")
            run.publish(early, f"{label} 2")
        return "end"

    producer = cls(produce)
    values.update({label: Named(producer, label) for label in ("digest", "size", "unused")})
    assert force(All((values["digest"], values["size"]))) == ("digest 1", "size 1")


def test_a_root_that_is_an_early_value_ends_the_run(force: Force) -> None:
    """Once the root is known the producer is told to end, and nobody waits for it."""
    ended = threading.Event()

    def produce(run: Run) -> str:
        run.publish(early[0], "identity")
        while not run.is_cancelled:
            ended.wait(0.01)
        ended.set()
        return "never asked for"

    early: list[Early[str]] = [Early(Producer(produce))]
    assert force(early[0]) == "identity"
    assert ended.wait(10)


def test_a_producer_that_fails_fails_who_waits_for_its_early_value(force: Force) -> None:
    """What was not published does not come any more: the run ends with the producer's error."""

    def produce(_: Run) -> str:
        raise OSError("the source broke")

    early: Early[str] = Early(Producer(produce))
    with pytest.raises(OSError, match="the source broke"):
        force(Then(print, (early,)))


def test_a_producer_that_forgets_to_publish_is_named(force: Force) -> None:
    """Nothing would ever go on: the error says which value was never published."""
    early: Early[str] = Early(Producer(lambda _: "end"))
    with pytest.raises(AssertionError, match=r"Early.*was never published by its producer"):
        force(Then(print, (early,)))


def test_an_early_value_is_not_evaluated_and_no_event(force: Force) -> None:
    """Only what works is told of."""
    early: list[Early[str]] = []
    producer = Producer(lambda run: run.publish(early[0], "identity"))
    early.append(Early(producer))
    seen: list[Event] = []
    force(All((early[0], producer)), observer=seen.append)
    assert [event.name for event in seen if isinstance(event, Started)] == ["Producer", "All"]
