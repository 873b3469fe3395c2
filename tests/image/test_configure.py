"""Configuring: for every field, to keep, to set and to remove are three things."""

from __future__ import annotations

import copy
import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from support.images import config_of

import lazyimg as li
from lazyimg.errors import InvalidDocument, InvalidMutation
from lazyimg.image.configure import SETTERS

if TYPE_CHECKING:
    from support.images import Json, Pushing

LAYERS = [b"layer"]

FULL: Json = {
    "created": "2020-01-01T00:00:00.123456789Z",
    "author": "somebody",
    **config_of(LAYERS),
    "variant": "v2",
    "config": {
        "User": "0",
        "ExposedPorts": {"80/tcp": {"x": 1}, "81/tcp": {}},
        "Env": ["PATH=/bin", "OLD=1", "LONG=a=b"],
        "Entrypoint": ["/old"],
        "Cmd": ["old"],
        "Volumes": {"/old": {}},
        "WorkingDir": "/old",
        "Labels": {"a": "1", "b": "2"},
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["NONE"], "x-unknown": 1},
        "OnBuild": ["RUN x"],
    },
    "x-unknown": {"kept": "\u00e9"},
}

MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

SET: dict[str, tuple[Any, tuple[str, ...], Any]] = {
    "env": ({"MODE": "prod", "OLD": "2"}, ("config", "Env"), ["PATH=/bin", "OLD=2", "LONG=a=b", "MODE=prod"]),
    "entrypoint": (["/new", "-x"], ("config", "Entrypoint"), ["/new", "-x"]),
    "cmd": (("new",), ("config", "Cmd"), ["new"]),
    "user": ("1000:1000", ("config", "User"), "1000:1000"),
    "workdir": ("/new", ("config", "WorkingDir"), "/new"),
    "labels": ({"b": "3", "c": "4"}, ("config", "Labels"), {"a": "1", "b": "3", "c": "4"}),
    "exposed_ports": ({"90/udp", "80/tcp"}, ("config", "ExposedPorts"), {"80/tcp": {"x": 1}, "90/udp": {}}),
    "volumes": (iter(["/z", "/y"]), ("config", "Volumes"), {"/y": {}, "/z": {}}),
    "stop_signal": ("SIGTERM", ("config", "StopSignal"), "SIGTERM"),
    "healthcheck": ({"Test": ["CMD", "x"]}, ("config", "Healthcheck"), {"Test": ["CMD", "x"]}),
    "created": (MOMENT, ("created",), "2024-05-06T07:08:09Z"),
    "author": ("me", ("author",), "me"),
    "os": ("windows", ("os",), "windows"),
    "architecture": ("arm64", ("architecture",), "arm64"),
    "variant": ("v8", ("variant",), "v8"),
}
"""By parameter: what is set, where it stands in the config, and what stands there then."""

REMOVABLE = sorted(set(SET) - {"os", "architecture"})


def put(document: Json, path: tuple[str, ...], value: Any) -> Json:
    """Return a copy of a document with a member set, or removed for None."""
    changed = copy.deepcopy(document)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    if value is None:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = value
    return changed


@pytest.fixture
def image(base: Pushing) -> li.Image:
    """Give an image whose config has every field."""
    base.image("1", layers=LAYERS, config=FULL)
    return li.Image.from_registry(f"{base.host}/base:1")


def config_json(image: li.Image) -> Json:
    found: Json = json.loads(image.config().to_bytes())
    return found


def test_every_parameter_is_tested() -> None:
    """A new parameter needs a row above."""
    parameters = set(inspect.signature(li.Image.configure).parameters) - {"self"}
    assert parameters == set(SET) == set(SETTERS)


@pytest.mark.parametrize("name", sorted(SET))
def test_a_field_is_set_and_all_others_are_kept(image: li.Image, name: str) -> None:
    """Nothing else moves: order, unknown members, the text of numbers and times."""
    value, path, expected = SET[name]
    changed = image.configure(**{name: value})
    assert config_json(changed) == put(FULL, path, expected)
    text = changed.config().to_bytes()
    assert b"\\u00e9" in text
    assert (b"00.123456789Z" in text) == (name != "created")


@pytest.mark.parametrize("name", REMOVABLE)
def test_none_removes_a_field(image: li.Image, name: str) -> None:
    """The member is gone; once more is the same."""
    _, path, _ = SET[name]
    removed = image.configure(**{name: None})
    assert config_json(removed) == put(FULL, path, None)
    assert removed.configure(**{name: None}).digest() == removed.digest()


@pytest.mark.parametrize("name", sorted(SET))
def test_a_field_that_is_absent_can_be_set(name: str) -> None:
    """It stands in its place, and nothing is made besides."""
    value, path, _ = SET[name]
    value = ["/y", "/z"] if name == "volumes" else value
    plain = config_json(li.Image.empty())
    found = config_json(li.Image.empty().configure(**{name: value}))
    inner = found
    for part in path[:-1]:
        inner = inner[part]
    assert inner.pop(path[-1])
    assert put(found, path, None) == put(plain, path, None)


def test_nothing_named_keeps_the_config_to_the_byte(image: li.Image, base: Pushing) -> None:
    """An empty change is none."""
    changed = image.configure()
    assert changed.config().to_bytes() == base.bytes(base.json("1")["config"])
    assert changed.digest() == image.digest()


def test_setting_what_is_there_keeps_the_config_to_the_byte(image: li.Image, base: Pushing) -> None:
    """An equal value is no change."""
    changed = image.configure(user="0", labels={"a": "1"}, env={"OLD": "1"}, cmd=["old"])
    assert changed.config().to_bytes() == base.bytes(base.json("1")["config"])


@pytest.mark.parametrize("name", ["os", "architecture"])
def test_what_every_config_has_is_not_removed(name: str) -> None:
    """Refused while composing, by the parameter's name."""
    with pytest.raises(InvalidMutation, match=f"{name}=None"):
        li.Image.empty().configure(**{name: None})


def test_single_variables_and_labels_are_removed_by_none(image: li.Image) -> None:
    """The others stay; what is not there is not missed."""
    changed = image.configure(env={"OLD": None, "NONE": None}, labels={"a": None, "none": None})
    assert changed.config().env == ("PATH=/bin", "LONG=a=b")
    assert changed.config().labels == {"b": "2"}


def test_the_entrypoint_leaves_the_command_alone(image: li.Image) -> None:
    """Unlike a Dockerfile's."""
    assert image.configure(entrypoint=["x"]).config().cmd == ("old",)


def test_empty_is_another_thing_than_absent(image: li.Image) -> None:
    """An empty list, or text, is a value."""
    container = config_json(image.configure(entrypoint=[], cmd=[], user="", env={}, labels={}))["config"]
    assert (container["Entrypoint"], container["Cmd"], container["User"]) == ([], [], "")
    assert (container["Env"], container["Labels"]) == (FULL["config"]["Env"], FULL["config"]["Labels"])


def test_changes_follow_each_other() -> None:
    """The last one counts; what it does not name stays."""
    image = li.Image.empty().configure(user="1", workdir="/a").configure(user="2").configure(workdir=None)
    assert (image.config().user, image.config().working_dir) == ("2", None)


def test_a_time_is_written_in_utc() -> None:
    """Whatever zone it was given in; without one it is refused."""
    east = datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert config_json(li.Image.empty().configure(created=east))["created"] == "2024-01-01T00:00:00Z"
    with pytest.raises(InvalidMutation, match="zone"):
        li.Image.empty().configure(created=datetime(2024, 1, 1)).config()  # noqa: DTZ001 - the point


def test_values_are_taken_when_they_are_given() -> None:
    """What happens to a list or a mapping afterwards is not seen."""
    command, variables = ["a"], {"A": "1"}
    check = {"Test": ["CMD", "x"]}
    image = li.Image.empty().configure(cmd=command, env=variables, healthcheck=check)
    key = image.key
    command.append("b")
    variables["B"] = "2"
    check["Test"].append("y")
    assert image.key == key
    assert (image.config().cmd, image.config().env) == (("a",), ("A=1",))
    assert image.config().healthcheck == {"Test": ["CMD", "x"]}


def test_the_order_of_a_set_does_not_matter() -> None:
    """Ports and volumes are sets: equal ones give equal keys and bytes."""
    ports = [str(port) for port in range(100, 130)]
    first = li.Image.empty().configure(exposed_ports=set(ports))
    second = li.Image.empty().configure(exposed_ports={*ports[::-1]})
    assert (first.key, first.digest()) == (second.key, second.digest())


def test_a_variable_that_stands_twice(base: Pushing) -> None:
    """The last one counts, as it does to who runs it, and once changed it is the only one."""
    config = {**config_of(LAYERS), "config": {"Env": ["A=1", "B=2", "A=3"]}}
    base.image("1", layers=LAYERS, config=config)
    image = li.Image.from_registry(f"{base.host}/base:1")
    assert image.configure(env={"B": "4"}).config().env == ("A=1", "B=4", "A=3")
    assert image.configure(env={"A": "5"}).config().env.count("A=5") == 1
    assert image.configure(env={"A": None}).config().env == ("B=2",)


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_a_variable_without_a_usable_name_is_refused(name: str) -> None:
    """It could not be told from another."""
    with pytest.raises(InvalidMutation):
        li.Image.empty().configure(env={name: "1"}).config()


def test_the_error_of_a_config_names_the_line(image: li.Image) -> None:
    """Which of the changes it was is in the notes."""
    changed = image.configure(user="1").edit_config(lambda config: config.with_user(1)).configure(user="2")
    with pytest.raises(InvalidDocument) as caught:
        changed.digest()
    assert any("test_configure.py" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"env": "A=b"}, "takes a mapping"),
        ({"env": ["A=b"]}, "takes a mapping"),
        ({"labels": ["a"]}, "takes a mapping"),
        ({"env": {"A": 1}}, "must be a text"),
        ({"entrypoint": "python"}, r"write \['python'\]"),
        ({"cmd": [1]}, "list of texts"),
        ({"user": 1000}, "must be a text"),
        ({"created": "now"}, "is a datetime"),
    ],
)
def test_a_value_of_another_kind_is_refused_where_it_is_written(changes: dict[str, Any], said: str) -> None:
    """Composing says what is wrong, instead of a traceback when something is forced."""
    with pytest.raises(InvalidMutation, match=said):
        li.Image.empty().configure(**changes)
