"""Events and requests as log lines, for who asks for them."""

import io
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

import lazyimg as li


def stopped() -> Any:
    raise ValueError("no more")


def test_nothing_is_logged_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    """A write prints nothing, and gives structlog nothing."""
    with capture_logs() as lines, li.Registry() as registry, li.Engine():
        li.Image.empty().append(li.Layer.from_files({"/a": b"a"})).write(f"{registry.host}/app:1")
    assert lines == []
    assert capfd.readouterr() == ("", "")


def test_events_and_requests_are_logged() -> None:
    """What every thunk does and every request stand in lines with plain values."""
    with capture_logs() as lines, li.Registry() as registry, li.Engine(log=True):
        li.Image.empty().append(li.Layer.from_files({"/a": b"a"})).write(f"{registry.host}/app:1")
    assert {line["event"] for line in lines} == {"started", "ended", "expanded", "uploaded", "request"}
    requests = [(line["method"], line["status"]) for line in lines if line["event"] == "request"]
    assert requests[0] == ("POST", 202)
    assert requests[-1] == ("PUT", 201)
    uploaded = [line for line in lines if line["event"] == "uploaded"]
    assert [(line["log_level"], line["thunk"], line["attempts"]) for line in uploaded] == [
        ("info", "Consume", 1)
    ]


def test_a_failure_is_a_warning() -> None:
    """The error's type and words stand in it."""
    layer = li.Layer.from_opener(stopped)
    with (
        capture_logs() as lines,
        li.Registry() as registry,
        li.Engine(log=True),
        pytest.raises(ValueError, match="no"),
    ):
        li.Image.empty().append(layer).write(f"{registry.host}/app:1")
    failed = [line for line in lines if line["event"] == "failed"]
    assert [(line["log_level"], line["error"], line["reason"]) for line in failed] == [
        ("warning", "ValueError", "no more")
    ]


def test_a_logger_of_ones_own_is_used_and_events_are_still_told() -> None:
    """A logger given to the engine gets the lines; ``on_event`` gets the events as well."""
    out, told = io.StringIO(), list[Any]()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out), processors=[structlog.processors.LogfmtRenderer()]
    )
    with li.Engine(log=logger, on_event=told.append):
        assert li.Image.empty().digest()
    assert "thunk=SealImage" in out.getvalue()
    assert len(told) == len(out.getvalue().splitlines())
