"""Tags that move only if they are absent, or still where somebody saw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import sha256

import lazyimg as li
from lazyimg.errors import InvalidTarget, RegistryError, TagMoved
from lazyimg.write.condition import as_condition, refuse_moved

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Pushing

    from lazyimg.server.request import Request

OLD = li.Image.empty().annotate({"which": "old"})
NEW = li.Image.empty().annotate({"which": "new"})
OTHER = sha256(b"another")


class TestRegistry:
    """A HEAD just before the PUT."""

    def test_absent(self, app: Pushing, registry: li.Registry) -> None:
        """The first write goes well; the second moves nothing, and says what is there."""
        OLD.write(f"{app.host}/app:1", if_tag="absent")
        lines = [f"{request.method} {request.path}" for request in registry.requests]
        assert lines[-2:] == ["HEAD /v2/app/manifests/1", "PUT /v2/app/manifests/1"]
        with pytest.raises(TagMoved) as caught:
            NEW.write(f"{app.host}/app:1", if_tag="absent")
        assert sha256(app.raw("1")) == OLD.digest()
        assert (caught.value.tag, caught.value.found) == (f"{app.host}/app:1", OLD.digest())
        assert "only if there was none, but it says sha256:" in str(caught.value)
        assert any("tag 1: not moved" in note for note in caught.value.__notes__)

    def test_a_digest(self, app: Pushing) -> None:
        """What one read is what one replaces."""
        OLD.write(f"{app.host}/app:1")
        NEW.write(f"{app.host}/app:1", if_tag=OLD.digest())
        assert sha256(app.raw("1")) == NEW.digest()
        with pytest.raises(TagMoved, match=f"only if it said {OLD.digest()}, but it says {NEW.digest()}"):
            OLD.write(f"{app.host}/app:1", if_tag=OLD.digest())
        with pytest.raises(TagMoved, match="but there is none") as caught:
            OLD.write(f"{app.host}/app:2", if_tag=OLD.digest())
        assert caught.value.found is None
        assert app.tags() == ["1"]

    def test_every_tag_of_a_target(self, app: Pushing) -> None:
        """One that is not as it should be holds them all."""
        OLD.write(f"{app.host}/app:latest")
        with pytest.raises(TagMoved, match="app:latest"):
            NEW.write(f"{app.host}/app:2", tags=["3", "latest"], if_tag="absent")
        assert app.tags() == ["latest"]

    def test_no_tag_of_any_target_moves(self, app: Pushing, tmp_path: Path) -> None:
        """Neither here nor there, whatever target has the condition."""
        OLD.write(f"{app.host}/app:1", li.OCILayout(tmp_path / "out", tag="v1"))
        held = li.RegistryTarget(f"{app.host}/app:1", if_tag="absent")
        with pytest.raises(TagMoved):
            NEW.write(
                f"{app.host}/app:2", held, f"{app.host}/other:1", li.OCILayout(tmp_path / "out", tag="v1")
            )
        assert app.tags() == ["1"]
        layout = li.Image.from_layout(tmp_path / "out", "v1")
        assert layout.digest() == OLD.digest()

    def test_a_target_keeps_its_own(self, app: Pushing) -> None:
        """What is said for all targets is for those that say nothing themselves."""
        OLD.write(f"{app.host}/app:1")
        held = li.RegistryTarget(f"{app.host}/app:1", if_tag=OLD.digest())
        NEW.write(held, f"{app.host}/app:2", if_tag="absent")
        assert {sha256(app.raw(tag)) for tag in ("1", "2")} == {NEW.digest()}

    def test_an_index(self, app: Pushing) -> None:
        """As an image."""
        li.Index.empty().write(f"{app.host}/app:1", if_tag="absent")
        with pytest.raises(TagMoved):
            li.Index.empty().write(f"{app.host}/app:1", if_tag="absent")

    def test_a_registry_that_does_not_say(self, app: Pushing, registry: li.Registry) -> None:
        """Not knowing where a tag is moves nothing."""

        def refuse(request: Request) -> Any:
            return (403, "DENIED", "no looking") if request.method == "HEAD" else None

        registry.hook = refuse
        with pytest.raises(RegistryError):
            NEW.write(f"{app.host}/app:1", if_tag="absent")
        registry.hook = None
        assert app.tags() == []


class TestLayout:
    """Under the layout's own lock."""

    def test_absent_and_a_digest(self, tmp_path: Path) -> None:
        """As in a registry."""
        target = li.OCILayout(tmp_path / "out", tag=("v1", "v2"), if_tag="absent")
        OLD.write(target)
        with pytest.raises(TagMoved, match=f"{tmp_path}/out:v1"):
            NEW.write(target)
        assert li.Image.from_layout(tmp_path / "out", "v2").digest() == OLD.digest()
        NEW.write(li.OCILayout(tmp_path / "out", tag="v2"), if_tag=OLD.digest())
        assert li.Image.from_layout(tmp_path / "out", "v2").digest() == NEW.digest()

    def test_a_writer_in_between(self, tmp_path: Path) -> None:
        """What moved after the first look is seen under the lock."""
        OLD.write(li.OCILayout(tmp_path / "out", tag="v1"))
        work: Any = None
        target = li.OCILayout(tmp_path / "out", tag="v1", if_tag=OLD.digest())
        session = target.site.open(work, ())
        from lazyimg.oci.descriptor import Descriptor  # noqa: PLC0415
        from lazyimg.state.seal import Sealed  # noqa: PLC0415

        data = b"{}"
        root = Sealed(Descriptor(media_type="a/b", digest=li.Digest.of(data), size=2), data)
        session.prepare(root, target)
        NEW.write(li.OCILayout(tmp_path / "out", tag="v1"))
        with pytest.raises(TagMoved):
            session.publish(root, target)
        assert session.record.tags == {"v1": "not moved"}
        session.abort()
        assert li.Image.from_layout(tmp_path / "out", "v1").digest() == NEW.digest()


class TestNonsense:
    """What says nothing is refused while composing."""

    @pytest.mark.parametrize("condition", ["present", "sha256:12", ""])
    def test_no_condition(self, condition: str) -> None:
        """Neither absent nor a digest."""
        with pytest.raises(InvalidTarget, match="is no condition"):
            NEW.plan("reg.example/app:1", if_tag=condition)

    def test_no_tag(self, tmp_path: Path) -> None:
        """A condition is about a tag."""
        for make in (
            lambda: li.RegistryTarget(f"reg.example/app@{OTHER}", if_tag="absent"),
            lambda: li.RegistryTarget("reg.example/app", by_digest=True, if_tag="absent"),
            lambda: li.OCILayout(tmp_path, if_tag="absent"),
        ):
            with pytest.raises(InvalidTarget, match="moves no tag"):
                make()

    def test_no_place_for_it(self, tmp_path: Path) -> None:
        """An archive is made anew; a condition that nobody would hold is not left out silently."""
        with pytest.raises(InvalidTarget, match="has no tags that if_tag='absent' could be about"):
            NEW.plan("reg.example/app:1", li.Archive(tmp_path / "app.tar", tag="1"), if_tag="absent")

    def test_by_digest_alone_with_tags(self) -> None:
        """A tag that would not move is not left out silently."""
        for make in (
            lambda: li.RegistryTarget("reg.example/app:1", by_digest=True),
            lambda: li.RegistryTarget("reg.example/app", tags="1", by_digest=True),
        ):
            with pytest.raises(InvalidTarget, match="by its digest alone: leave out 1"):
                make()

    def test_a_condition_is_kept_as_it_is(self) -> None:
        """None is none."""
        assert (as_condition(None), as_condition("absent"), as_condition(OTHER)) == (None, "absent", OTHER)
        refuse_moved("a", None, "absent")
        refuse_moved("a", li.Digest(OTHER), OTHER)

    def test_a_plan_says_it(self) -> None:
        """In the step that moves the tag."""
        step = NEW.plan("reg.example/app:1", if_tag="absent").steps[-1]
        assert step.what.endswith("when all is in place and if_tag=absent holds")


def test_by_digest_alone(app: Pushing, registry: li.Registry) -> None:
    """One PUT, and no tag."""
    result = NEW.write(li.RegistryTarget(f"{app.host}/app", by_digest=True))
    puts = [request.path for request in registry.requests if "/manifests/" in request.path]
    assert puts == [f"/v2/app/manifests/{result.digest}"]
    assert (app.tags(), result.targets[0].target) == ([], f"{app.host}/app")
