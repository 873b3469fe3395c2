"""The table of requirements is whole: every demand has tests, and every test answers to a demand."""

from __future__ import annotations

import re
from pathlib import Path

from conformance.known import KNOWN, table
from conformance.requirements import CLIENT, REGISTRY

HERE = Path(__file__).parent
WRITTEN = {
    name
    for path in HERE.glob("test_*.py")
    if path != Path(__file__)
    for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE)
}


def test_every_requirement_has_its_tests() -> None:
    """Every MUST and SHOULD names tests that are there."""
    for requirement in REGISTRY:
        assert requirement.level in {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}
        assert requirement.tests
        assert set(requirement.tests) <= WRITTEN, requirement


def test_every_test_answers_to_a_requirement() -> None:
    """No test asks for what nobody demands."""
    assert {test for requirement in REGISTRY for test in requirement.tests} == WRITTEN


def test_what_is_known_to_fail_is_there() -> None:
    """The table of known failures names no test that is gone."""
    assert {test.partition("[")[0] for tests in KNOWN.values() for test in tests} <= WRITTEN


def test_clients_are_tested_elsewhere() -> None:
    """What is demanded of clients names the module of tests."""
    for module in CLIENT.values():
        assert any((HERE.parent / place / f"{module}.py").exists() for place in ("registry", "attacks"))


def test_the_page_says_how_many_demands_there_are_and_where_the_other_fails() -> None:
    """The table in the pages is the one that the tests go by."""
    page = (HERE.parents[1] / "docs/embedded-registry.md").read_text()
    assert table() in page
    musts = sum(requirement.level.startswith("MUST") for requirement in REGISTRY)
    shoulds = sum(requirement.level.startswith("SHOULD") for requirement in REGISTRY)
    assert f"{musts} MUSTs and {shoulds} SHOULDs" in page
