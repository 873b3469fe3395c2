"""A soak as a program: ``PYTHONPATH=tests python -m soak --pushes 10000 --threads 32 --kills 10``.

It prints its report, and ends with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from soak.run import Settings, Soak


def main() -> int:
    """Soak, print the report, and give the exit code."""
    parser = argparse.ArgumentParser(
        prog="soak", description="Many small pushes, amid which the registry is killed."
    )
    usual = Settings()
    for name in ("pushes", "threads", "kills", "seed", "jobs"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name), metavar="N")
    parser.add_argument("--directory", type=Path, help="where to keep what was pushed; else it is removed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as well")
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="lazyimg-soak-") as name:
        figures = given.pop("json")
        directory = given.pop("directory") or Path(name)
        (directory / "skopeo").mkdir(parents=True, exist_ok=True)
        report = Soak(Settings(**given), directory).run()
        if figures is not None:
            figures.write_text(json.dumps(report.figures()))
    sys.stdout.write(f"{report}\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
