"""What strangers wrote, where a person looks at it: in a terminal, in a notebook, in an error."""

from __future__ import annotations

import io
import json
import re
import traceback
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from support.http_server import Exchange, HttpServer
from support.images import Pushing, sha256
from support.layers import file, layer, symlink

import lazyimg as li
from lazyimg.cli.command import lines_of
from lazyimg.cli.display import display
from lazyimg.errors import RegistryError, RegistryWarning, visible
from lazyimg.server.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazyimg.registry.client import Client

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x08\r"
HIDDEN = "\u202e\u2066\u200b\ufeff\u2028"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
EVIL = f"a{ESCAPES}{HIDDEN}{MARKUP}b"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Tags(HTMLParser):
    """Notes the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        self.found |= {tag, *(name for name, _ in attrs)}


def harmless(html: str) -> None:
    """Assert that nothing of what a stranger wrote became an element, an attribute or a control."""
    tags = Tags()
    tags.feed(html)
    assert not tags.found & {"script", "img", "iframe", "onerror", "onload", "onclick", "foreignobject"}
    assert not UNSEEN.search(html)


@pytest.fixture
def registry() -> Iterator[li.Registry]:
    """Give an embedded registry."""
    with li.Registry() as running:
        yield running


@pytest.fixture
def hostile(registry: li.Registry) -> Iterator[li.Image]:
    """Give an image whose every text is a stranger's, read from a registry."""
    pushing = Pushing(registry.host, "evil")
    blob = layer(file(f"etc/{EVIL.replace('/', '')}", b"x"), symlink("l", EVIL))
    config: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [sha256(blob)]},
        "author": EVIL,
        "config": {"Labels": {EVIL: EVIL}, "Env": [f"A={EVIL}"], "Cmd": [EVIL], "User": EVIL},
        "history": [{"created_by": EVIL, "comment": EVIL, "author": EVIL}],
    }
    pushing.image("1", layers=[blob], config=config, annotations={EVIL: EVIL})
    with li.Engine():
        yield li.Image.from_registry(f"{registry.host}/evil:1")


def changed(image: li.Image) -> li.Image:
    """Compose with a stranger's texts as parameters."""
    return (
        image.configure(labels={"from": EVIL}, env={"X": EVIL}, cmd=[EVIL], user=EVIL)
        .annotate({EVIL: EVIL})
        .append(li.Layer.from_files({"/a": b"b"}), history=li.History(created_by=EVIL, comment=EVIL))
    )


VIEWS: dict[str, Callable[[li.Image, str], Any]] = {
    "image": lambda image, _: changed(image),
    "graph": lambda image, _: changed(image).graph(),
    "plan": lambda image, host: changed(image).plan(f"{host}/evil:2"),
    "result": lambda image, host: changed(image).write(f"{host}/evil:2"),
    "layer": lambda image, _: image.layers()[0],
    "comparison": lambda image, _: image.compare(changed(image)),
    "validation": lambda image, _: image.validate(),
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_notebook_shows_texts_and_no_markup(hostile: li.Image, registry: li.Registry, view: str) -> None:
    """Annotations, labels, history and file names are escaped in whatever shows itself as HTML."""
    shown = VIEWS[view](hostile, registry.host)
    html = shown._repr_html_()
    assert html
    harmless(html)


@pytest.mark.parametrize("view", VIEWS)
def test_a_terminal_shows_texts_and_obeys_none(hostile: li.Image, registry: li.Registry, view: str) -> None:
    """The same in a terminal: as ``str``, as ``repr``, and as the command shows it."""
    shown = VIEWS[view](hostile, registry.host)
    for text in (str(shown), repr(shown), printed(shown)):
        assert not UNSEEN.search(text.replace("\n", "")), text


def printed(value: Any) -> str:
    """Show a value as the command does, without colours."""
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(display(value))
    return out.getvalue()


def test_requests_of_strangers_are_shown_harmless() -> None:
    """Paths and queries that anybody sent to a registry of ours."""
    request = Request("GET", f"/v2/{EVIL}", "x=%1b%5B2J%9b31m")
    assert not UNSEEN.search(printed([request]).replace("\n", ""))
    assert not UNSEEN.search(printed(EVIL).replace("\n", ""))


# --- errors ----------------------------------------------------------------------------------------------


def index_of(platform: dict[str, Any]) -> bytes:
    """Give an index of one image for a platform."""
    digest = "sha256:" + "0" * 64
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1}
    entry |= {"platform": platform, "annotations": {"org.opencontainers.image.ref.name": EVIL}}
    return json.dumps({"schemaVersion": 2, "manifests": [entry, entry]}).encode()


DOCUMENTS = {
    "platform": index_of({"os": EVIL, "architecture": EVIL}),
    "media type": json.dumps({"schemaVersion": 2, "mediaType": EVIL, "config": {}, "layers": []}).encode(),
    "key": json.dumps({"schemaVersion": 2, "config": {"annotations": {EVIL: 1}}, "layers": []}).encode(),
    "duplicate": b'{"%s":1,"%s":2}' % ((EVIL.replace('"', "").replace("\\", "").encode(),) * 2),
    "digest": json.dumps(
        {"schemaVersion": 2, "config": {"digest": EVIL, "size": 1, "mediaType": "a/b"}}
    ).encode(),
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_errors_name_what_documents_say_and_obey_none(what: str) -> None:
    """A message, its notes and a whole traceback hold no control, whatever a document holds."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(200, DOCUMENTS[what], {"Content-Type": "application/vnd.oci.image.index.v1+json"})

    with HttpServer(respond) as server, li.Engine(), pytest.raises(li.LazyImgError) as raised:
        li.Image.from_registry(f"{server.host}/me/app:1", platform="linux/s390x").config()
    assert_harmless(raised.value)


def assert_harmless(error: BaseException) -> None:
    """Assert that nothing of an error moves a terminal's cursor."""
    for text in (str(error), *lines_of(error), *traceback.format_exception(error)):
        assert not UNSEEN.search(text.replace("\n", "")), text


WORDS = {
    "message": (json.dumps({"errors": [{"code": EVIL, "message": EVIL}]}).encode(), "application/json"),
    "text": (EVIL.encode(), "text/plain; charset=utf-8"),
    "latin": (b"\x9b31m\x85\xad" + ESCAPES.encode("latin-1"), "text/plain"),
    "of a token service": (
        json.dumps({"error": EVIL, "error_description": EVIL}).encode(),
        "application/json",
    ),
}


@pytest.mark.parametrize("form", WORDS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_registrys_words_move_no_cursor(client: Callable[..., Client], form: str, status: int) -> None:
    """What a registry says of its refusal is one harmless line, and its codes are too."""
    body, media_type = WORDS[form]
    refusing = HttpServer(lambda exchange: exchange.answer(status, body, {"Content-Type": media_type}))
    with refusing as server, pytest.raises(RegistryError) as raised:
        client(server.host, retries=0).get_manifest("me/app", "v1")
    assert_harmless(raised.value)
    assert "\n" not in str(raised.value)
    assert not any(UNSEEN.search(code) for code in raised.value.codes)


def test_a_registrys_warnings_move_no_cursor(client: Callable[..., Client]) -> None:
    """Nor what it warns of, in a header that can hold more than one would think."""
    warning = f'299 - "{ESCAPES}{HIDDEN}"'.replace("\r", "").encode().decode("latin-1")
    with (
        HttpServer(
            lambda exchange: exchange.answer(200, headers={"Warning": f'{warning}, 299 - "done"'})
        ) as server,
        pytest.warns(RegistryWarning) as shown,
    ):
        client(server.host).ping()
    assert not any(UNSEEN.search(str(entry.message)) for entry in shown)


@pytest.mark.parametrize("address", ["http://a\x1b[2Jb/x", "http://a\x9b31m/x", "/v2/\x1b[31m", "a\x1b:/x"])
@pytest.mark.parametrize("named", ["Location", "realm", "Link"])
def test_addresses_of_a_registry_move_no_cursor(
    client: Callable[..., Client], address: str, named: str
) -> None:
    """Nor the addresses that it names, which errors name in turn."""
    headers = {
        "Location": {"Location": address},
        "realm": {"WWW-Authenticate": f'Bearer realm="{address}"'},
        "Link": {"Link": f'<{address}>; rel="next"'},
    }[named]
    status = {"Location": 307, "realm": 401, "Link": 200}[named]
    with HttpServer(lambda exchange: exchange.answer(status, b'{"tags":[]}', headers)) as server:
        try:
            client(server.host).tags("me/app")
        except li.LazyImgError as error:
            assert_harmless(error)
        else:
            assert named == "Link"


def test_visible() -> None:
    """Lines stay, and so do letters of all scripts; what nobody could see is written out."""
    assert visible("a\nb\u00e9\u753b\u50cf") == "a\nb\u00e9\u753b\u50cf"
    assert visible(EVIL).isprintable()
    error = li.LazyImgError(EVIL)
    error.add_note(EVIL)
    assert_harmless(error)
    assert error.args == (EVIL,)
