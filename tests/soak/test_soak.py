"""Pushes that were said to have succeeded are whole, however often the registry is killed amid them.

A bounded share runs always; ``LAZYIMG_SOAK=full`` runs 10,000 pushes by 32 threads with ten kills.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from attrs import asdict, evolve
from soak import checks
from soak.pushes import Outcome
from soak.run import Settings
from soak.served import ROOT
from support.images import Pushing, sha256, text_of
from support.programs import need

import lazyimg as li

if TYPE_CHECKING:
    from pathlib import Path

IS_FULL = os.environ.get("LAZYIMG_SOAK") == "full"
SETTINGS = Settings(pushes=10_000, threads=32, kills=10) if IS_FULL else Settings()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what came of a soak, which has a process of its own, so that what it leaks is its own."""
    file = tmp_path_factory.mktemp("soak") / "figures.json"
    options = [f"--{name}={value}" for name, value in asdict(SETTINGS).items()]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "soak", f"--json={file}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout)  # noqa: T201 - the report: shown where a test fails, or by -rP
    assert file.exists(), done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.timeout(3600 if IS_FULL else 300)
def test_what_was_said_to_be_pushed_is_whole_and_nothing_leaks(figures: dict[str, Any]) -> None:
    """Blobs, manifests, tags; descriptors, threads, memory; errors are of a registry that was not reached."""
    assert figures["problems"] == []


def test_each_push_has_an_outcome_and_the_kills_were_felt(figures: dict[str, Any]) -> None:
    """Retries carry most over a kill; an outage that is longer than they are fails what meets it."""
    assert figures["kills"] == SETTINGS.kills
    assert figures["written"] + figures["pulled"] + figures["failed"] == SETTINGS.pushes + 20
    assert figures["unanswered"] > 0
    assert 0 < figures["failed"] <= SETTINGS.kills * SETTINGS.threads
    assert figures["staged"] == 0


# --- the checks themselves ---------------------------------------------------------------------------


def written(tag: str, digest: str, began: float = 0.0, ended: float = 1.0) -> Outcome:
    """Return the outcome of a push that succeeded."""
    return Outcome(1, "fresh", "written", "app", tag, digest, began, ended)


@pytest.fixture
def pushed(tmp_path: Path) -> Any:
    """Give a registry on disk, what was pushed to it, and the image's manifest."""
    with li.Registry(tmp_path) as registry:
        document = Pushing(registry.host, "app").image("1")
        yield registry.host, tmp_path, written("1", sha256(text_of(document))), document


@pytest.mark.parametrize("which", ["config", "layer"])
def test_a_blob_that_is_missing_or_cut_is_seen(pushed: Any, which: str) -> None:
    """Whichever it is of an image."""
    host, directory, outcome, document = pushed
    assert [*checks.pushed(host, [outcome])] == []
    blob = document["config"] if which == "config" else document["layers"][1]
    path: Path = directory / "contents" / blob["digest"].replace(":", "/")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    [seen] = checks.pushed(host, [outcome])
    assert "is not whole" in seen
    assert [*checks.on_disk(directory)] == [f"{path} is half a blob"]
    path.unlink()
    [seen] = checks.pushed(host, [outcome])
    assert "is not there" in seen


def test_a_manifest_that_is_missing_is_seen(pushed: Any) -> None:
    """And so is a tag that says another."""
    host, directory, outcome, _ = pushed
    path = directory / "records" / "app" / "manifests" / outcome.digest
    path.write_bytes(path.read_bytes()[:-1])
    assert [*checks.on_disk(directory)] == [f"{path} is half a manifest"]
    path.unlink()
    missing, wrong = checks.pushed(host, [outcome])
    assert "is not there" in missing
    assert wrong.startswith("app:1 says None")


@pytest.mark.peer
def test_skopeo_says_what_it_cannot_copy(pushed: Any, tmp_path: Path) -> None:
    """And nothing against what is whole."""
    need("skopeo", "skopeo")
    host, directory, outcome, document = pushed
    assert [*checks.copied_by_skopeo(host, [outcome], tmp_path)] == []
    (directory / "contents" / document["config"]["digest"].replace(":", "/")).unlink()
    assert len([*checks.copied_by_skopeo(host, [outcome], tmp_path)]) == 1


FIRST, SECOND = written("1", "first", 0, 1), written("1", "second", 2, 3)
FAILED = evolve(SECOND, how="failed", digest="", tag_state="unknown")


@pytest.mark.parametrize(
    ("found", "moves", "is_right"),
    [
        ("first", [FIRST], True),
        ("second", [FIRST, SECOND], True),
        ("first", [FIRST, SECOND], False),
        ("first", [FIRST, evolve(SECOND, began=0.5)], True),
        (None, [FIRST], False),
        ("other", [FIRST], False),
        ("first", [FIRST, FAILED], True),
        ("other", [FIRST, FAILED], True),
        ("other", [FIRST, evolve(FAILED, tag_state="not moved")], False),
        (None, [FAILED], True),
        (None, [evolve(FAILED, tag_state="moved")], False),
    ],
)
def test_where_a_tag_may_be(found: str | None, moves: list[Outcome], *, is_right: bool) -> None:
    """Where the last push left it, or one at the same time, or one that failed without knowing."""
    assert checks.may_say(found, moves) is is_right


def test_failures_that_are_not_lazyimgs_own_are_seen() -> None:
    """And those that do not say what became of the tag; and pulls that gave something else."""
    ours = evolve(FAILED, error="RegistryUnreachable: gone")
    assert [*checks.failures([ours])] == []
    [other] = checks.failures([evolve(ours, error="KeyError: 1", is_ours=False)])
    assert "KeyError" in other
    [silent] = checks.failures([evolve(ours, tag_state="")])
    assert "does not say" in silent
    assert [*checks.pulled([FIRST, evolve(FIRST, how="pulled")])] == []
    assert len([*checks.pulled([FIRST, evolve(FIRST, how="pulled", digest="x")])]) == 1
