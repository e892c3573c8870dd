"""Leave out of notebooks what belongs to one machine or one live session.

    python -m tools.tidy                              every notebook
    python -m tools.tidy chapters/03_attention.ipynb  one of them

Saving a notebook in an editor adds such things. What cells said is not touched: outputs
are made by `python -m tools.refresh` alone.
"""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.address import notebooks, read_notebook

LIVE = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "accelerator": "GPU",  # what Colab should offer
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
OF_AN_EDITOR = ("execution", "collapsed", "scrolled", "id", "colab", "outputId")


def tidy(notebook: NotebookNode) -> None:
    """Set the metadata that every notebook has; drop live widgets and an editor's."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for key in OF_AN_EDITOR:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if LIVE not in o.get("data", {})]


def main(arguments: list[str]) -> None:
    for path in map(Path, arguments or notebooks(Path())):
        notebook = read_notebook(path)
        tidy(notebook)
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
