r"""Bytes of JSON: what was not edited is what it was, to the letter, whoever wrote it.

The documents are written by hand, as Go writes them: compact, ``<`` as ``\u003c``, numbers beyond what a
double holds, fields that nobody knows. What an edit makes of one is the very text with one piece replaced.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.images import CONFIG, LAYER, MANIFEST, sha256

import lazyimg as li
from lazyimg.image.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.images import Pushing

ZERO, ONE = sha256(b"zero"), sha256(b"one")
CONFIG_TEXT = (
    r'{"os":"linux","architecture":"amd64","x-big":9007199254740993,"x-float":1.50,"x-exp":1E+2,'
    r'"author":"\u003cme\u003e","config":{"User":"0","Env":["A=\u0026","B=\u00e9"],"X-Unknown":{"z":-0,"a":null},'
    r'"Labels":{"old":"\u003c","keep":"\/"},"Cmd":null},'
    rf'"rootfs":{{"type":"layers","diff_ids":["{ZERO}","{ONE}"],"x-in-rootfs":true}},'
    r'"history":[{"created_by":"\u003czero\u003e","x":1.0},{"created_by":"one"},'
    r'{"created_by":"ENV","empty_layer":true}],"x-last":"\ud83d\ude00"}'
)
MANIFEST_TEXT = (
    r'{{"schemaVersion":2,"x-first":[1.0,2e3],"mediaType":"{manifest}",'
    r'"config":{{"x-own":"\u003c","digest":"{config}","size":{size},"mediaType":"{type}"{data}}},'
    r'"layers":[{{"mediaType":"{layer}","digest":"{zero}","size":4,"x":18446744073709551616}},'
    r'{{"size":3,"digest":"{one}","mediaType":"{layer}","annotations":{{"\u0061":"\u003e"}}}}],'
    r'"annotations":{{"z":"\u003cz\u003e","a":"1"}},"x-last":{{"q":null}}}}'
)


def manifest_text(config: str, *, embedded: bool = False) -> str:
    """A manifest of this config."""
    data = config.encode()
    return MANIFEST_TEXT.format(
        manifest=MANIFEST,
        config=sha256(data),
        size=len(data),
        type=CONFIG,
        layer=LAYER,
        zero=ZERO,
        one=ONE,
        data=f',"data":"{base64.b64encode(data).decode()}"' if embedded else "",
    )


@pytest.fixture
def put(base: Pushing) -> Callable[..., li.Image]:
    """Give a function that puts an image of these texts."""

    def putting(config: str = CONFIG_TEXT, *, embedded: bool = False) -> li.Image:
        for blob in (b"zero", b"one", config.encode()):
            base.blob(blob)
        base.manifest(manifest_text(config, embedded=embedded).encode(), "1")
        return li.Image.from_registry(f"{base.host}/base:1")

    return putting


def same(config: li.ConfigFile) -> li.ConfigFile:
    return config


def shelled(config: li.ConfigFile) -> li.ConfigFile:
    return config.with_container("Shell", ["sh"])


MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
EDITS: dict[str, tuple[Callable[[li.Image], li.Image], str, str]] = {
    "user": (lambda image: image.configure(user="1"), '"User":"0"', '"User":"1"'),
    "no user": (lambda image: image.configure(user=None), '"User":"0",', ""),
    "env": (lambda image: image.configure(env={"C": "<"}), r'"B=\u00e9"]', r'"B=\u00e9","C=<"]'),
    "no env": (lambda image: image.configure(env={"B": None}), r',"B=\u00e9"', ""),
    "label": (lambda image: image.configure(labels={"old": "new"}), r'"old":"\u003c"', '"old":"new"'),
    "no label": (lambda image: image.configure(labels={"old": None}), r'"old":"\u003c",', ""),
    "author": (lambda image: image.configure(author="me"), r'"author":"\u003cme\u003e"', '"author":"me"'),
    "cmd": (lambda image: image.configure(cmd=["a"]), '"Cmd":null', '"Cmd":["a"]'),
    "created": (lambda image: image.with_created(MOMENT), '{"os"', '{"created":"2024-01-01T00:00:00Z","os"'),
    "platform": (lambda image: image.with_platform("linux/arm64"), '"amd64"', '"arm64"'),
    "variant": (
        lambda image: image.with_platform("linux/amd64/v2"),
        r'"author":"\u003cme\u003e",',
        r'"author":"\u003cme\u003e","variant":"v2",',
    ),
    "shell": (lambda image: image.edit_config(shelled), '"Cmd":null', '"Cmd":null,"Shell":["sh"]'),
    "history": (
        lambda image: image.append(history=li.History(created_by="<", empty_layer=True)),
        '"empty_layer":true}]',
        '"empty_layer":true},{"created_by":"<","empty_layer":true}]',
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_config_is_in_that_field_alone(put: Any, app: Pushing, name: str) -> None:
    """And in digest and size of the config in the manifest; all else is the same text."""
    edit, old, new = EDITS[name]
    assert CONFIG_TEXT.count(old) == 1
    edit(put()).write(f"{app.host}/app:1")
    edited = CONFIG_TEXT.replace(old, new)
    assert app.bytes(app.json("1")["config"]).decode() == edited
    assert app.raw("1").decode() == manifest_text(edited)


@pytest.mark.parametrize("name", EDITS)
def test_data_of_the_config_is_kept_in_step(put: Any, app: Pushing, name: str) -> None:
    """A descriptor that embeds the config embeds the edited one."""
    edit, old, new = EDITS[name]
    edit(put(embedded=True)).write(f"{app.host}/app:1")
    assert app.raw("1").decode() == manifest_text(CONFIG_TEXT.replace(old, new), embedded=True)


CHANGES: dict[str, tuple[Callable[[li.Image], li.Image], str, str]] = {
    "annotation": (lambda image: image.annotate({"a": "2"}), '"a":"1"', '"a":"2"'),
    "new annotation": (lambda image: image.annotate({"b": "<"}), '"a":"1"', '"a":"1","b":"<"'),
    "no annotation": (lambda image: image.annotate({"z": None}), r'"z":"\u003cz\u003e",', ""),
    "no annotations": (
        lambda image: image.annotate({"z": None, "a": None}),
        r'"annotations":{"z":"\u003cz\u003e","a":"1"},',
        "",
    ),
    "artifactType": (
        lambda image: image.with_artifact_type("a/b"),
        f'"mediaType":"{MANIFEST}"',
        f'"mediaType":"{MANIFEST}","artifactType":"a/b"',
    ),
    "config": (
        lambda image: image.with_config_media_type("a/b"),
        f'"mediaType":"{CONFIG}"',
        '"mediaType":"a/b"',
    ),
    "subject": (
        lambda image: image.with_subject(li.Descriptor(media_type="a/b", digest=li.Digest(ZERO), size=4)),
        r'"annotations":{"z"',
        rf'"subject":{{"mediaType":"a/b","digest":"{ZERO}","size":4}},"annotations":{{"z"',
    ),
    "layer": (
        lambda image: image.annotate({"k": "v"}, layers=0),
        '"size":4,',
        '"size":4,"annotations":{"k":"v"},',
    ),
    "upper layer": (
        lambda image: image.annotate({"k": "v"}, layers=1),
        r'{"\u0061":"\u003e"}',
        r'{"\u0061":"\u003e","k":"v"}',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_manifest_is_in_that_field_alone(put: Any, app: Pushing, name: str) -> None:
    """The config keeps its bytes, and is not read."""
    change, old, new = CHANGES[name]
    text = manifest_text(CONFIG_TEXT)
    assert text.count(old) == 1
    change(put()).write(f"{app.host}/app:1")
    assert app.raw("1").decode() == text.replace(old, new)
    assert app.bytes(app.json("1")["config"]).decode() == CONFIG_TEXT


SAME: dict[str, Callable[[li.Image], li.Image]] = {
    "edit": lambda image: image.edit_config(same),
    "configure": lambda image: image.configure(user="0", env={"A": "&"}, labels={"keep": "/"}, cmd=None),
    "annotate": lambda image: image.annotate({"a": "1", "none": None}),
    "created": lambda image: image.with_created(None),
    "platform": lambda image: image.with_platform("linux/amd64"),
    "append": lambda image: image.append(),
    "drop": lambda image: image.drop_layers(slice(0)),
    "types": lambda image: image.with_media_types("oci"),
    "layers": lambda image: image.annotate({"a": ">"}, layers=1),
    "there and back": lambda image: image.annotate({"b": "2"}, layers=0).annotate({"b": None}, layers=0),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_keeps_every_byte(put: Any, name: str, base: Pushing) -> None:
    """Of a text that nobody would write again by chance."""
    image = put(CONFIG_TEXT.replace('"os":', ' "os" : '))
    assert SAME[name](image).digest() == sha256(base.raw("1"))


def test_what_is_appended_comes_last(put: Any, app: Pushing) -> None:
    """Descriptors, diff_ids and history below keep their text."""
    layer = li.Layer.from_files({"/a": b"a"})
    put().append(layer).write(f"{app.host}/app:1")
    config = app.bytes(app.json("1")["config"]).decode()
    assert config == CONFIG_TEXT.replace(f'"{ONE}"]', f'"{ONE}","{layer.diff_id()}"]').replace(
        '"empty_layer":true}]', '"empty_layer":true},{"created_by":"lazyimg append"}]'
    )
    described = f'{{"mediaType":"{LAYER}","digest":"{layer.digest()}","size":{layer.size()}}}'
    assert app.raw("1").decode() == manifest_text(config).replace(
        '"\\u003e"}}],', f'"\\u003e"}}}},{described}],'
    )


def test_what_is_dropped_leaves_no_trace(put: Any, app: Pushing) -> None:
    """The others keep their text."""
    put().drop_layers(0).write(f"{app.host}/app:1")
    config = app.bytes(app.json("1")["config"]).decode()
    dropped = r'{"created_by":"\u003czero\u003e","x":1.0},'
    assert config == CONFIG_TEXT.replace(f'"{ZERO}",', "").replace(dropped, "")
    first = f'{{"mediaType":"{LAYER}","digest":"{ZERO}","size":4,"x":18446744073709551616}},'
    assert app.raw("1").decode() == manifest_text(config).replace(first, "")


@pytest.mark.parametrize("absent", [True, False])
def test_absent_stays_absent(base: Pushing, app: Pushing, absent: bool) -> None:  # noqa: FBT001
    """``created`` is not made up, by no edit; nor is null made anything else."""
    text = (
        f'{{{"" if absent else chr(34) + "created" + chr(34) + ":null,"}"os":"linux","architecture":"amd64"}}'
    )
    base.blob(text.encode())
    document = (
        f'{{"schemaVersion":2,"config":{{"mediaType":"{CONFIG}","digest":"{sha256(text.encode())}",'
        f'"size":{len(text)}}},"layers":[]}}'
    )
    base.manifest(document.encode(), "1")
    image = li.Image.from_registry(f"{base.host}/base:1")
    image.configure(user="1").with_created(None).append().with_platform("linux/arm64").write(
        f"{app.host}/app:1"
    )
    config = app.config("1")
    assert config.get("created", "absent") == ("absent" if absent else None)
    assert config.keys() - {"created"} == {"os", "architecture", "config"}


class TestFromNothing:
    """Documents in the specification's order, compact, without null."""

    def test_an_image(self, app: Pushing) -> None:
        """Of no layer, and of one."""
        li.Image.empty("linux/arm64/v8").write(f"{app.host}/app:1")
        config = (
            b'{"architecture":"arm64","os":"linux","variant":"v8","config":{},'
            b'"rootfs":{"type":"layers","diff_ids":[]}}'
        )
        assert app.bytes(app.json("1")["config"]) == config
        assert app.raw("1").decode() == (
            f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"{CONFIG}",'
            f'"digest":"{sha256(config)}","size":{len(config)}}},"layers":[]}}'
        )

    def test_in_the_specifications_order_whatever_the_order_of_mutations(self, app: Pushing) -> None:
        """Of manifest, config and its settings."""
        image = (
            li.Image.empty()
            .annotate({"b": "2", "a": "1"})
            .with_subject(li.Image.empty())
            .configure(stop_signal="TERM", labels={"b": "2"}, workdir="/", volumes=["/b", "/a"], cmd=["c"])
            .configure(
                entrypoint=["e"],
                env={"A": "b"},
                exposed_ports=["80"],
                user="1",
                healthcheck={"Test": ["NONE"]},
            )
            .append(li.Layer.from_files({"/a": b"a"}), urls=["https://example.com"], annotations={"k": "v"})
            .with_artifact_type("a/b")
            .with_created(MOMENT)
            .configure(author="me", variant="v1")
        )
        image.write(f"{app.host}/app:1")
        assert list(app.json("1")) == [
            "schemaVersion",
            "mediaType",
            "artifactType",
            "config",
            "layers",
            "subject",
            "annotations",
        ]
        config = app.config("1")
        assert list(config) == [
            "created",
            "author",
            "architecture",
            "os",
            "variant",
            "config",
            "rootfs",
            "history",
        ]
        assert list(config["config"]) == [
            "User",
            "ExposedPorts",
            "Env",
            "Entrypoint",
            "Cmd",
            "Volumes",
            "WorkingDir",
            "Labels",
            "StopSignal",
            "Healthcheck",
        ]
        text = app.raw("1") + app.bytes(app.json("1")["config"])
        assert b": " not in text
        assert b", " not in text
        assert b"null" not in text

    def test_lists_that_become_empty(self) -> None:
        """They are lists, not null and not gone."""
        image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"})).configure(cmd=[]).drop_layers(0)
        assert image.manifest().value["layers"] == []
        config = image.config().value
        assert config["rootfs"]["diff_ids"] == []
        assert config["history"] == []
        assert config["config"]["Cmd"] == []

    def test_an_index(self, app: Pushing) -> None:
        """Of nothing, and of one image."""
        Index.empty().write(f"{app.host}/app:0")
        assert b'"manifests":[]' in app.raw("0")
        index = Index.empty().add(li.Image.empty(), annotations={"k": "v"}).annotate({"a": "1"})
        index.with_subject(li.Image.empty("linux/arm64")).write(f"{app.host}/app:1")
        found = app.json("1")
        assert list(found) == ["schemaVersion", "mediaType", "manifests", "subject", "annotations"]
        assert list(found["manifests"][0]) == ["mediaType", "digest", "size", "annotations", "platform"]


INDEX_TEXT = (
    r'{{"x-first":1.50,"schemaVersion":2,"manifests":[{{"size":{size},"digest":"{child}","mediaType":"{manifest}",'
    r'"platform":{{"os":"linux","architecture":"amd64","x-os":"\u003c"}},"x-big":9007199254740993}}],'
    r'"mediaType":"application/vnd.oci.image.index.v1+json","annotations":{{"z":"\u003c"}},"x-last":[1E2]}}'
)


def test_an_index_from_elsewhere(put: Any, base: Pushing, app: Pushing) -> None:
    """Its own fields, and those of entries whose images are changed, keep their text."""
    child = put()
    data = base.raw("1")
    base.manifest(
        INDEX_TEXT.format(size=len(data), child=sha256(data), manifest=MANIFEST).encode(),
        "index",
        media_type="application/vnd.oci.image.index.v1+json",
    )
    index = Index.from_registry(f"{base.host}/base:index")
    changed = child.annotate({"a": "2"}).manifest().to_bytes()
    index.map(lambda image: image.annotate({"a": "2"})).annotate({"y": ">"}).write(f"{app.host}/app:1")
    expected = INDEX_TEXT.format(size=len(changed), child=sha256(changed), manifest=MANIFEST)
    assert app.raw("1").decode() == expected.replace(r'"z":"\u003c"', r'"z":"\u003c","y":">"')
    assert app.raw(sha256(changed)) == changed
