"""A composition of every source and every mutation, over paths and references of a caller's choice."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

import lazyimg as li
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


def layers(directory: Path, stream: Any) -> tuple[li.Layer, ...]:
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
        li.Layer.from_bytes(b"a tar"),
        li.Layer.from_url(f"file://{directory}/rootfs.tar", options={"auto_mkdir": False}),
        li.Layer.from_registry(f"registry.example.invalid/library/base@{ZEROS}"),
        li.Layer.from_registry(
            f"registry.example.invalid/base@{ZEROS}", size=1, diff_id=ZEROS, media_type="a/b"
        ),
        li.Layer.foreign(["https://example.invalid/layer"], digest=ZEROS, size=10, diff_id=ZEROS),
        li.Layer.random(7),
        li.Layer.from_blob(directory / "layer.tar.zst", digest=ZEROS, diff_id=ZEROS, size=10),
    )


def images(directory: Path, stream: Any, registry: str) -> tuple[li.Image, ...]:
    """Compose an image of each kind, and one with every mutation."""
    base = li.Image.from_registry(f"{registry}/library/base:1", platform="linux/amd64")
    pinned = li.Image.from_registry(f"{registry}/library/base@{ZEROS}")
    subject = li.Descriptor(media_type=OCI_MANIFEST, digest=li.Digest(ZEROS), size=5)
    mutated = (
        base.append(*layers(directory, stream), annotations={"a": "b"})
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
        .with_created(MOMENT)
        .with_subject(pinned)
        .with_subject(subject)
        .apply(Merged(pinned))
    )
    resting = (
        li.Image.from_layout(directory / "layout"),
        li.Image.from_layout(str(directory / "layout"), "v1", "linux/arm64"),
        li.Index.from_layout(directory / "layout", ZEROS).select("linux/arm64"),
        li.Image.from_archive(directory / "rootfs.tar"),
        li.Image.from_archive(str(directory / "pipe"), "app:1", "linux/arm64"),
        li.Index.from_archive(directory / "pipe", "app:1").select("linux/arm64"),
        li.Image.random("seed", layers=2),
        li.Index.random("seed").select("linux/arm64"),
        li.Image.from_daemon("app:latest"),
        li.Image.from_daemon("app:latest", "linux/arm64", host=f"unix://{directory}/pipe"),
    )
    return base, pinned, li.Image.empty(), li.Image.empty("linux/arm64/v8", docker=True), *resting, mutated


def look(directory: Path, stream: Any, registry: str) -> None:
    """Compose everything, and look at it in every way that forces nothing."""
    for image in images(directory, stream, registry):
        plan = image.plan(
            f"{registry}/me/app:1", li.OCILayout(directory / "out", tag="v1"), tags=["latest", "2"]
        )
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
