"""The notebooks tell the truth: they run, from the first cell to the last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def outputs(notebook: nbformat.NotebookNode) -> list[tuple[int, list[str]]]:
    """Give the kinds of the outputs of each cell of code, with the cell's turn."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(cell.execution_count, [output.output_type for output in cell.outputs]) for cell in cells]


@pytest.fixture
def kernel_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let kernels find this package, and nothing of whoever runs the tests; give a directory to work in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("HOME", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_run(path: Path, kernel_environment: Path) -> None:
    """A notebook runs without an error, and its cells put out what its stored outputs show, in kind."""
    stored = nbformat.read(path, as_version=4)
    fresh = NotebookClient(
        nbformat.read(path, as_version=4), timeout=60, resources={"metadata": {"path": kernel_environment}}
    )
    assert outputs(fresh.execute()) == outputs(stored)


def test_there_are_notebooks() -> None:
    """At least one notebook is there to run."""
    assert NOTEBOOKS
