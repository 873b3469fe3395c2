"""Fuzz with atheris, as long as it is let: ``python tests/fuzz/run.py [TARGET ...] --seconds N``.

It needs ``pip install atheris``. Each target runs in a process of its own, guided by the coverage of
lazyimg; what must hold is what the tests try with hypothesis, too (`fuzz.properties`). What breaks it is
kept in ``--findings``, and becomes a test. The last lines are a table of what ran.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAST = re.compile(r"#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)")


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - a command prints


def fuzz(name: str, arguments: list[str]) -> None:
    """Run one target in this process, which ends with it."""
    import atheris  # noqa: PLC0415 - an extra of this command alone

    with atheris.instrument_imports(include=["lazyimg"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is loaded
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].try_it)
    atheris.Fuzz()


def run(name: str, seconds: int, corpus: Path, findings: Path) -> str:
    """Run one target in a process of its own; give the line of the table."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 - once the path is set

    target = TARGETS[name]
    own = corpus / name
    own.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (own / f"seed-{number}").write_bytes(seed)
    words = findings / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    command = [
        *(sys.executable, __file__, "--one", name, str(own), f"-max_total_time={seconds}"),
        *(f"-max_len={target.longest}", "-timeout=25", "-rss_limit_mb=2048", f"-dict={words}"),
        *(f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (findings / f"{name}.log").write_text(done.stdout + done.stderr)
    reached = LAST.findall(done.stderr)
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    executed = int(runs[1]) if runs else int(reached[-1][0]) if reached else 0
    edges, inputs = (reached[-1][1], reached[-1][3]) if reached else ("?", "?")
    outcome = "nothing found" if done.returncode == 0 else f"FOUND: see {findings}/{name}.log"
    return f"| {name} | {seconds} | {executed:,} | {edges} | {inputs} | {outcome} |"


def _escaped(word: str) -> str:
    return "".join(
        c if c.isalnum() or c in " :/@.=;<>-_[]?#%&{}," else "".join(f"\\x{byte:02x}" for byte in c.encode())
        for c in word
    )


def main() -> int:
    """Read the command line; run the targets in turn."""
    reads = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reads.add_argument("targets", nargs="*")
    reads.add_argument("--seconds", type=int, default=60, help="for each target")
    reads.add_argument("--corpus", type=Path, help="kept from run to run; by default a temporary directory")
    reads.add_argument("--findings", type=Path, help="where inputs that break something are kept")
    given = reads.parse_args()
    temporary = Path(tempfile.mkdtemp(prefix="lazyimg-fuzz-"))
    corpus, findings = given.corpus or temporary / "corpus", given.findings or temporary / "findings"
    findings.mkdir(parents=True, exist_ok=True)

    from fuzz.targets import TARGETS  # noqa: PLC0415 - once the path is set

    lines = []
    for name in given.targets or TARGETS:
        lines.append(run(name, given.seconds, corpus, findings))
        say(lines[-1])
    say("")
    say("| target | seconds | executions | edges covered | inputs kept | outcome |")
    say("|---|---|---|---|---|---|")
    say("\n".join(lines))
    return int(any("FOUND" in line for line in lines))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
    from support import guard

    guard.install()
    if sys.argv[1:2] == ["--one"]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main())
