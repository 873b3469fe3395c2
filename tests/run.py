"""Run what a change has to pass: style, types, the house, the pages, the tests with their coverage.

    python tests/run.py

Debian packages that tests drive are installed first where that is possible (as root, with apt-get). Where it
is not, the tests that need them are skipped, and the last lines say which; with ``CI=true`` a skipped test
fails the run. All steps run, whatever fails; the exit code is 1 if any did.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

PACKAGES = {
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "umoci": "umoci",
    "buildah": "buildah",
    "podman": "podman",
    "htpasswd": "apache2-utils",
    "strace": "strace",
    "openssl": "openssl",
}
"""For each program that tests drive the Debian package that has it."""

CHECKS: dict[str, Sequence[str]] = {
    "style": ("ruff", "check"),
    "format": ("ruff", "format", "--check"),
    "types": ("mypy",),
    "house": ("lint-imports", "--no-logo"),
}
"""What reads the code and runs none of it."""


def say(text: str) -> None:
    """Print a line at once, before what the next program prints."""
    print(text, flush=True)  # noqa: T201 - a command prints


def run(command: Sequence[str], **environment: str) -> bool:
    """Run a program of this Python's own environment in the project's root; tell whether it went well."""
    own = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    began = time.monotonic()
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": own} | environment, check=False)
    say(f"-- {command[0]} ended with {ended.returncode} after {time.monotonic() - began:.0f} s\n")
    return ended.returncode == 0


def install_missing() -> None:
    """Install the packages of programs that are missing, if this user may; else leave them missing."""
    missing = sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"== installing {', '.join(missing)}")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(("apt-get", "update", "--quiet=2"), **quiet)
        run(("apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", *missing), **quiet)


def test(directory: Path) -> tuple[bool, Counter[str]]:
    """Run the tests and doctests under coverage; tell whether they passed, and why some were skipped."""
    report = directory / "tests.xml"
    data = {"COVERAGE_FILE": str(directory / "coverage")}
    passed = run(("coverage", "run", "-m", "pytest", f"--junitxml={report}"), **data)
    covered = run(("coverage", "combine", "--quiet"), **data) and run(("coverage", "report"), **data)
    return passed and covered, skipped_in(report)


def skipped_in(report: Path) -> Counter[str]:
    """Count the skipped tests of a report by their reasons."""
    if not report.exists():
        return Counter()
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it just now
    found = (case.find("skipped[@type='pytest.skip']") for case in cases)
    return Counter(why.get("message", "") for why in found if why is not None)


def main() -> int:
    """Run everything; give the exit code."""
    install_missing()
    failed = []
    with tempfile.TemporaryDirectory(prefix="lazyimg-run-") as name:
        site = ("mkdocs", "build", "--quiet", "--strict", "-f", ".mkdocs.yml", "-d", f"{name}/site")
        for title, command in {**CHECKS, "pages": site}.items():
            say(f"== {title}: {' '.join(command)}")
            if not run(command, NO_MKDOCS_2_WARNING="1"):
                failed.append(title)
        say("== tests, doctests, coverage")
        passed, skipped = test(Path(name))
    for reason, count in skipped.items():
        say(f"skipped: {count} tests, {reason}")
    if not passed or (skipped and IN_CI):
        failed.append("tests" if not passed else "tests (none may be skipped in CI)")
    say(f"failed: {', '.join(failed)}" if failed else "all is well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
