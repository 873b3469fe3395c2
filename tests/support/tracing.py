"""Trace functions are installed one at a time: CPython refuses two threads that do it at once.

Coverage installs one in every thread that starts. Installing is audited, and an audit hook in Python,
as tests have them, lets another thread in at that moment: the thread that comes second then dies before it
ran at all.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

_lock = threading.RLock()


def install() -> None:
    """Let threads wait for each other, if this process measures coverage."""
    collector = sys.modules.get("coverage.collector")
    if collector is not None and not getattr(sys, "_lazyimg_tracing", False):
        sys._lazyimg_tracing = True  # type: ignore[attr-defined]
        sys.settrace = _one_at_a_time(sys.settrace)
        collector.Collector._start_tracer = _one_at_a_time(collector.Collector._start_tracer)


def _one_at_a_time(function: Any) -> Any:
    def called(*arguments: Any) -> Any:
        with _lock:
            return function(*arguments)

    return called
