"""Plans: the steps of a write, told before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import frozen

import lazyimg as li
from lazyimg.errors import InvalidReference
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.plan import plan_all, sentence

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path) -> li.Image:
    """Give an image of which nothing exists."""
    return (
        li.Image.from_registry("a.example/team/base:1", platform="linux/arm64")
        .append(li.Layer.from_directory(tmp_path / "absent", at="/app"), li.Layer.from_files({"/a": b"a"}))
        .configure(user="1000")
    )


def test_the_steps_are_in_an_order_in_which_they_can_run(image: li.Image) -> None:
    """Session, documents, bytes, config, and last the tag; each in a sentence, with its line."""
    steps = image.plan("a.example/team/app:1").steps
    names = [step.name for step in steps]
    assert names[0] == "OpenSession"
    assert sorted(names[1:6]) == ["Append", "Configure", "FromDirectory", "FromFiles", "FromRegistry"]
    assert names[6:] == ["Consume", "Consume", "Consume", "PutConfig", "Publish"]
    assert names.index("Append") < names.index("Configure")
    told = {step.name: step.what for step in steps}
    assert told["OpenSession"] == "POST an upload to a.example/team/app: may we push, mount from team/base?"
    assert told["FromRegistry"] == "GET the manifest of a.example/team/base:1 for linux/arm64"
    assert told["Configure"] == "user='1000'"
    assert told["Append"] == "Put layers on top"
    assert told["Publish"] == "Put the manifest at a.example/team/app as 1, when all is in place"
    consumed = [step.what for step in steps if step.name == "Consume"]
    assert consumed[0] == "Find, mount or copy the layers of a.example/team/base:1"
    assert {text.split()[0] for text in consumed[1:]} == {"Read"}
    assert all("test_plan.py" in str(step.origin) for step in steps[1:9])
    assert steps[-1].origin is None


def test_every_target_has_its_session_and_its_names(image: li.Image, tmp_path: Path) -> None:
    """Registries come before layouts; the tags of each are told."""
    plan = image.plan(
        li.OCILayout(tmp_path / "out", tag=("v1", "v2")),
        "b.example/app:1",
        "b.example/app:2",
        tags=["latest"],
    )
    told = [step.what for step in plan.steps if step.name in {"OpenSession", "Publish"}]
    assert told == [
        "POST an upload to b.example/app: may we push?",
        f"Make {tmp_path}/out an OCI layout, unless it is one",
        f"Put the manifest at {tmp_path}/out as v1, v2, when all is in place",
        "Put the manifest at b.example/app as 1, latest, when all is in place",
        "Put the manifest at b.example/app as 2, latest, when all is in place",
    ]


def test_an_image_without_a_name_is_put_under_its_digest(tmp_path: Path) -> None:
    """There is nothing to move then."""
    plan = li.Image.empty().plan(li.OCILayout(tmp_path / "out"))
    assert plan.steps[-1].what.endswith("as its digest, when all is in place")


def test_its_text_is_a_table(image: li.Image) -> None:
    """Numbered, under the targets it is for; no line is as long as a value could be."""
    plan = image.plan("a.example/team/app:1")
    text = str(plan)
    lines = text.splitlines()
    assert lines[0] == "plan: write to a.example/team/app:1"
    assert lines[3].startswith("1   OpenSession    POST an upload to a.example/team/app: may we push")
    assert repr(plan) == text
    assert max(map(len, lines)) < 160


def test_in_a_notebook_it_is_a_table_and_a_graph(image: li.Image) -> None:
    """Both of them in one piece of HTML."""
    html = image.plan("a.example/team/app:1")._repr_html_()
    assert "<table" in html
    assert "<svg" in html


def test_its_graph_begins_with_the_sessions(image: li.Image) -> None:
    """Order edges run from them to all that starts from nothing."""
    graph = image.plan("a.example/team/app:1").graph()
    order = [
        (graph.nodes[a]["thunk"].name, graph.nodes[b]["thunk"].name)
        for a, b, o in graph.edges(data="order")
        if o
    ]
    assert sorted(order) == [
        ("OpenSession", "FromDirectory"),
        ("OpenSession", "FromFiles"),
        ("OpenSession", "FromRegistry"),
    ]


def test_nothing_is_touched(image: li.Image, tmp_path: Path) -> None:
    """Neither a registry nor the disk."""
    plan = image.plan("registry.invalid/app:1", li.OCILayout(tmp_path / "out"))
    assert all([str(plan), plan.steps, plan._repr_html_()])
    assert list(tmp_path.iterdir()) == []


def test_several_images_have_one_plan(image: li.Image) -> None:
    """What they share is one step."""
    plan = plan_all({"a.example/team/app:1": image, "a.example/team/app:debug": image.configure(user="0")})
    names = [step.name for step in plan.steps]
    assert names.count("OpenSession") == 1
    assert names.count("FromRegistry") == 1
    assert names.count("Configure") == 2
    assert names.count("Publish") == 2


def test_nonsense_is_refused() -> None:
    """As by the write itself."""
    with pytest.raises(InvalidReference):
        li.Image.empty().plan("not a reference")
    with pytest.raises(ValueError, match="needs a target"):
        li.Image.empty().plan()


@frozen
class Told(Thunk[int]):
    """Is told by itself."""

    number: int

    def describe(self) -> str:
        return f"Count to {self.number}"


@frozen
class Documented(Thunk[int]):
    """Do what the docstring says.

    And more.
    """


@frozen
class Silent(Thunk[int]):
    number: int = 0


Silent.__doc__ = None


@pytest.mark.parametrize(
    ("thunk", "text"),
    [
        (Told(3), "Count to 3"),
        (Documented(), "Do what the docstring says"),
        (Silent(), "Silent"),
        (Silent(3), "number=3"),
    ],
)
def test_a_thunk_is_told_in_a_sentence(thunk: Thunk[int], text: str) -> None:
    """In its own words, by its parameters, by its docstring, by its name."""
    assert sentence(thunk) == text
