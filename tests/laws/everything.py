"""A composition of every source and every mutation, over paths and references of a caller's choice."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

import lazyimg as li
from lazyimg.content.source import TarFile
from lazyimg.oci.media_type import OCI_MANIFEST

if TYPE_CHECKING:
    from lazyimg.state.image_state import ImageState

ZEROS = "sha256:" + 64 * "0"
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


@frozen
class Merged(li.Mutation):
    """A mutation of a user's own, with a second image as an input: the annotations of both."""

    other: li.Image

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        annotations = {**others[0].manifest.annotations, **state.manifest.annotations}
        return state.with_manifest(state.manifest.with_annotations(annotations))


def layers(directory: Path, stream: Any, registry: str) -> tuple[li.Layer, ...]:
    """Compose a layer of each kind."""
    return (
        li.Layer.from_tar(directory / "rootfs.tar"),
        li.Layer.from_tar(directory / "pipe", compression=li.Zstd(level=3)),
        li.Layer.from_directory(
            directory / "dist",
            at="/app",
            owner=lambda entry: (entry.uid, 0),
            mode=0o755,
            mtime=lambda entry: entry.mtime_ns // 1_000_000_000,
            exclude=("*.pyc", "!keep.pyc"),
        ),
        li.Layer.from_directory(str(directory / "dist"), compression=li.Uncompressed()),
        li.Layer.from_files({"/etc/motd": b"hello\n", "/usr/bin/tool": directory / "tool"}, owner=(1, 2)),
        li.Layer.from_stream(stream, spool=False),
        li.Layer.from_opener(lambda: (directory / "rootfs.tar").open("rb"), key="v1"),
        li.Layer.from_blob(directory / "layer.tar.gz"),
        li.Layer.from_blob(directory / "layer.tar.zst", digest=ZEROS, diff_id=ZEROS, size=10),
        li.Layer.from_bytes(b"bytes"),
        li.Layer.from_source(TarFile(directory / "rootfs.tar")),
        li.Layer.from_url(f"file://{directory}/rootfs.tar"),
        li.Layer.from_registry(f"{registry}/library/base@{ZEROS}", size=10, diff_id=ZEROS),
        li.Layer.foreign([f"https://{registry}/layer"], digest=ZEROS, size=10, diff_id=ZEROS),
        li.Layer.random(1),
    )


def bases(directory: Path, registry: str) -> tuple[li.Image, ...]:
    """Compose an image of each kind of source."""
    return (
        li.Image.from_registry(f"{registry}/library/base:1", platform="linux/amd64"),
        li.Image.from_registry(f"{registry}/library/base@{ZEROS}"),
        li.Image.from_layout(directory / "layout", "v1"),
        li.Image.from_archive(directory / "archive.tar", tag="app:1"),
        li.Image.from_daemon("app:latest"),
        li.Image.empty(),
        li.Image.empty("linux/arm64/v8", docker=True),
        li.Image.random(1),
    )


def mutated(image: li.Image, other: li.Image, added: tuple[li.Layer, ...]) -> li.Image:
    """Compose an image with every mutation there is."""
    subject = li.Descriptor(media_type=OCI_MANIFEST, digest=li.Digest(ZEROS), size=5)
    return (
        image.append(*added, annotations={"a": "b"})
        .append(li.Layer.from_files({"/a": b"b"}), history=li.History(created_by="me"))
        .configure(
            env={"MODE": "prod", "OLD": None},
            entrypoint=["python"],
            cmd=None,
            user="1000",
            workdir="/app",
            labels={"a": "b"},
            exposed_ports=["80/tcp"],
            volumes=["/data"],
            stop_signal="SIGTERM",
            healthcheck={"Test": ["NONE"]},
            created=MOMENT,
            author="me",
            os="linux",
            architecture="arm64",
            variant="v8",
        )
        .edit_config(lambda config: config)
        .annotate({"org.opencontainers.image.source": "https://example.com/app", "old": None})
        .annotate({"a": "b"}, layers=0)
        .with_created(MOMENT)
        .with_subject(other)
        .with_subject(subject)
        .with_platform("linux/arm64")
        .with_media_types("oci")
        .with_config_media_type("application/example+json")
        .with_artifact_type("application/example")
        .drop_layers(0)
        .squash(0)
        .flatten(compression=li.Zstd(level=3))
        .with_times(MOMENT)
        .recompress(li.Gzip(level=2))
        .canonical()
        .rebase(other, image)
        .with_base(other)
        .apply(Merged(other))
    )


def indexes(directory: Path, image: li.Image, registry: str) -> tuple[li.Index, ...]:
    """Compose an index of each kind, and one with every mutation."""
    found = li.Index.from_registry(f"{registry}/library/base:1")
    return (
        found,
        li.Index.from_layout(directory / "layout", "v1"),
        li.Index.from_archive(directory / "archive.tar"),
        li.Index.empty(),
        li.Index.random(1),
        found.add(image, platform="linux/s390x", annotations={"a": "b"})
        .add(found)
        .remove(platform="linux/arm64")
        .annotate({"a": "b"})
        .annotate({"a": "b"}, platform="linux/amd64")
        .map(lambda one: one.annotate({"a": "b"}).configure(user="1"))
        .with_media_types("oci")
        .with_subject(image),
    )


def images(directory: Path, stream: Any, registry: str) -> tuple[li.Image, ...]:
    """Compose an image of each kind, one with every mutation, and one out of an index."""
    found = bases(directory, registry)
    everything = mutated(found[0], found[1], layers(directory, stream, registry))
    return *found, everything, indexes(directory, everything, registry)[-1].select("linux/amd64")


def targets(directory: Path, registry: str) -> tuple[li.Target, ...]:
    """Name a target of each kind."""
    return (
        li.RegistryTarget(f"{registry}/me/conditional:1", tags=["latest", "2"], if_tag="absent"),
        li.RegistryTarget(f"{registry}/me/digest", by_digest=True),
        li.OCILayout(directory / "out", tag="v1", replace=True, collect=True, if_tag="absent"),
        li.Archive(directory / "oci.tar", tag="app:1"),
        li.Archive(directory / "docker.tar", tag="app:1", format="docker"),
        li.Daemon("app:1"),
    )


def look(directory: Path, stream: Any, registry: str) -> None:
    """Compose everything, and look at it in every way that forces nothing."""
    composed = images(directory, stream, registry)
    for image in (*composed, *indexes(directory, composed[-2], registry)):
        plan = image.plan(f"{registry}/me/app:1", *targets(directory, registry))
        seen = [image.key, repr(image), image._repr_html_(), str(image.origin), hash(image), image == plan]
        seen += [str(plan), plan._repr_html_(), plan.steps, plan.graph(), repr(plan.graph())]
        graph = image.graph()
        seen += [len(graph), repr(graph), graph._repr_html_(), graph.to_svg(), graph.to_dot()]
        for layer in (data["thunk"] for _, data in graph.nodes(data=True)):
            seen += [layer.key, repr(layer), layer.inputs, layer.parameters]
            seen += [layer._repr_html_(), layer.graph()] if isinstance(layer, li.Layer) else []
        assert all(part is not None for part in seen)


def main() -> None:
    """Warm every import on one directory, then compose over another, between two marks for strace."""
    warm, watched = Path(sys.argv[1]), Path(sys.argv[2])
    look(warm, object(), "warm.example.invalid")
    mark(watched, "BEGIN")
    look(watched, object(), "registry.example.invalid")
    mark(watched, "END")


def mark(directory: Path, name: str) -> None:
    """Leave a mark that strace shows."""
    (directory / f"MARK-{name}").exists()


if __name__ == "__main__":
    main()
