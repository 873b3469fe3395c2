"""What ``lazyimg demo`` runs: a script in chapters. The lines that are shown are the lines that run."""

from attrs import frozen


@frozen
class Chapter:
    """A part of the demo.

    Attributes:
        title: what it is about.
        about: what to look at, in a line or two.
        code: Python, run and shown statement by statement.
    """

    title: str
    about: str
    code: str


CHAPTERS = (
    Chapter(
        "A registry of our own",
        "It runs in this process, on a free loopback port. A base image goes into it first.",
        """\
import lazyimg as li
from random import Random

registry = li.Registry().start()
runtime = li.Layer.from_files({"/usr/bin/python3": Random(1).randbytes(4 << 20)})
seed = li.Image.empty("linux/amd64").append(runtime).configure(env={"PATH": "/usr/bin"})
seeded = seed.write(f"{registry.host}/python:3.12")
registry.clear()
""",
    ),
    Chapter(
        "Compose",
        "Every call returns a thunk at once. Nothing is read, opened or sent: the graph is all there is.",
        """\
base = li.Image.from_registry(f"{registry.host}/python:3.12")
image = (
    base.append(
        li.Layer.from_directory("dist", at="/app"),
        li.Layer.from_files({"/etc/motd": b"hello from a thunk\\n"}),
    )
    .configure(entrypoint=["python3", "/app/main.py"], user="1000")
    .annotate({"org.opencontainers.image.title": "demo"})
)
image.graph()
registry.requests
""",
    ),
    Chapter(
        "Plan",
        "The write's graph in the order in which it runs. The session with the registry is the first node.",
        """\
image.plan(f"{registry.host}/app:1")
""",
    ),
    Chapter(
        "Write",
        "Each local byte is read once, and sent while it is read. The base's layer is mounted, not moved.",
        """\
result = image.write(f"{registry.host}/app:1")
result
registry.requests
result.reference
""",
    ),
    Chapter(
        "Edit what is there",
        "One more label on the image just written: five requests, and no layer is read or sent.",
        """\
registry.clear()
pushed = li.Image.from_registry(f"{registry.host}/app:1")
pushed.configure(labels={"version": "1.0.1"}).write(f"{registry.host}/app:1.0.1")
len(registry.requests)
""",
    ),
    Chapter(
        "A push that is denied",
        "The registry refuses this repository. The layer's source counts every byte that is read of it.",
        """\
registry.deny("private")
registry.clear()
model = CountingTar("model.bin", megabytes=64)
large = image.append(li.Layer.from_opener(model.open))
try:
    large.write(f"{registry.host}/private:1")
except PermissionError as error:
    print("denied:", error)
print(f"read {model.bytes_read} bytes of the source, of {model.size:,}")
registry.requests
""",
    ),
    Chapter(
        "The same push, allowed",
        "The counter does count: now every byte was read, and read once.",
        """\
registry.allow("private")
large.write(f"{registry.host}/private:1")
print(f"read {model.bytes_read:,} bytes of the source, of {model.size:,}; opened it {model.opened} time")
""",
    ),
)

FILES = {
    "dist/main.py": "print('hello')\n",
    "dist/static/style.css": "body { margin: 0 }\n" * 400,
    "dist/static/app.js": "console.log('hello')\n" * 400,
}
"""The files that the demo makes in a temporary directory, and composes a layer of."""
