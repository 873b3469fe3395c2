"""Values as the demo shows them."""

from __future__ import annotations

from typing import Any

import pytest

import lazyimg as li
from lazyimg.cli.screen import Screen
from lazyimg.server.request import Request


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that shows a value in a pipe, and returns the lines."""

    def show(value: Any) -> list[str]:
        Screen().value(value)
        return capsys.readouterr().out.splitlines()

    return show


def test_brackets_are_no_markup(shown: Any) -> None:
    """What a terminal library would take for its own marks is shown as it is."""
    image = li.Image.empty().annotate({"[bold]title": "[red]x[/red]"})
    assert "[bold]title='[red]x[/red]'" in "\n".join(shown(image.plan("127.0.0.1:5000/app:1")))
    assert "[bold]title='[red]x[/red]'" in "\n".join(shown(image.graph()))
    assert shown("[bold]") == ["      [bold]", ""]


def test_requests_are_a_table(shown: Any) -> None:
    """Long names are cut, what was refused and what is not answered yet is told."""
    requests = [
        Request(
            "PUT",
            f"/v2/app/blobs/uploads/{'a' * 32}",
            f"digest=sha256%3A{'b' * 64}",
            status=201,
            bytes_in=1200,
        ),
        Request("GET", f"/v2/app/blobs/sha512:{'c' * 128}", status=404),
        Request("HEAD", "/v2/"),
    ]
    lines = shown(requests)
    assert lines[1].split() == [
        "1",
        "PUT",
        f"/v2/app/blobs/uploads/{'a' * 8}…?digest=sha256:{'b' * 12}…",
        "201",
        "1,200",
    ]
    assert lines[2].split() == ["2", "GET", f"/v2/app/blobs/sha512:{'c' * 12}…", "404", "0"]
    assert lines[3].split() == ["3", "HEAD", "/v2/", "None", "0"]
    assert lines[4] == "      3 requests"
    assert shown([]) == ["      no request", ""]


def test_a_result_says_what_moved_and_what_did_not(shown: Any, tmp_path: Any) -> None:
    """Layers, configs and manifests are told apart, of both families of media types."""
    image = li.Image.empty(docker=True).append(li.Layer.from_files({"/a": b"a"}))
    text = "\n".join(shown(image.write(li.OCILayout(tmp_path / "out"))))
    assert [word for word in ("layer", "config", "manifest") if word in text] == [
        "layer",
        "config",
        "manifest",
    ]
    assert "uploaded" in text
    again = "\n".join(shown(image.write(li.OCILayout(tmp_path / "out"))))
    assert "in place" in again


def test_other_values_are_shown_as_python_shows_them(shown: Any) -> None:
    """A list of something else is no table of requests."""
    assert shown([1, "a"]) == ["      [1, 'a']", ""]
