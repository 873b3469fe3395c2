"""What the served registry tells on standard error."""

from __future__ import annotations

import logging
import re

import pytest

from lazyimg.cli.server_log import telling


@pytest.mark.parametrize("everything", [False, True])
def test_a_line_for_whatever_happens(capsys: pytest.CaptureFixture[str], *, everything: bool) -> None:
    """Errors are told in any case, in one line that nobody can break; the rest, and traces, if wanted."""
    logger = logging.getLogger("lazyimg.server.test")
    before = logging.getLogger("lazyimg.server").level
    with telling(everything=everything):
        logger.info("GET /v2/")
        error = OSError(28, "No space left\n\x1b[31mon device")
        logger.error("PUT /v2/a failed", exc_info=error)
    logger.error("nobody listens any more")
    lines = capsys.readouterr().err.splitlines()
    told = [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", line) for line in lines]
    failed = r"PUT /v2/a failed: OSError: [Errno 28] No space left\n\x1b[31mon device"
    assert told[: 1 + everything] == [*(["GET /v2/"] if everything else []), failed]
    assert told[1 + everything :] == (
        [r"OSError: [Errno 28] No space left", r"\x1b[31mon device"] if everything else []
    )
    assert logging.getLogger("lazyimg.server").level == before
