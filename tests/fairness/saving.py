"""How the file was saved: by which program, in which version, with which line ends."""

import json

import nbformat

from tests.fairness.submission import submission


def _as_json(notebook):
    return json.loads(nbformat.writes(notebook))


def _run(document):
    """Give code cells counts and outputs of many kinds, as running them does."""
    kinds = (
        {"output_type": "stream", "name": "stdout", "text": ["Epoch 1/2\n", "\x1b[1m40/40\x1b[0m ━━━━━━━━ 0s\n"]},
        {"output_type": "stream", "name": "stderr", "text": "WARNING: All log messages before absl::InitializeLog\n"},
        {
            "output_type": "display_data",
            "metadata": {"needs_background": "light"},
            "data": {"image/png": "iVBORw0KGgo=\n", "text/plain": ["<Figure size 640x480 with 1 Axes>"]},
        },
        {
            "output_type": "execute_result",
            "execution_count": 3,
            "metadata": {"application/json": {"expanded": True}},
            "data": {"application/vnd.plotly.v1+json": {"data": []}, "text/html": "<table>", "text/plain": "a"},
        },
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}},
        },
        {"output_type": "error", "ename": "NameError", "evalue": "data", "traceback": ["\x1b[31mNameError\x1b[0m"]},
    )
    for number, cell in enumerate(cell for cell in document["cells"] if cell["cell_type"] == "code"):
        cell["execution_count"] = 500 - 7 * number
        cell["outputs"] = [kinds[number % len(kinds)], kinds[(number + 1) % len(kinds)]]
    return document


@submission
def saved_by_colab(notebook, folder):
    """Saved by Colab: its metadata, no ids, hidden inputs, outputs with widgets, version 4.0."""
    document = _run(_as_json(notebook))
    document |= {"nbformat_minor": 0}
    document["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True, "gpuType": "T4"},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"a": {"model_name": "HBoxModel", "state": {}}}},
    }
    for number, cell in enumerate(document["cells"]):
        cell["metadata"] |= {"id": cell.pop("id", f"x{number}"), "colab": {"base_uri": "https://localhost:8080/"}}
        cell["metadata"] |= {"cellView": "form", "outputId": "0a-1b", "execution": {"iopub.status.busy": "2024-05-01"}}
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


@submission
def saved_by_vs_code(notebook, folder):
    """Saved by VS Code on Windows: CRLF line ends in the file and in the cells, its metadata, another kernel."""
    document = _run(_as_json(notebook))
    document["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.12.1)", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.12.1", "codemirror_mode": {"name": "ipython", "version": 3}},
        "orig_nbformat": 4,
    }
    own = {"cell_type": "code", "metadata": {"vscode": {"languageId": "python"}}, "outputs": []}
    own |= {"source": "%matplotlib inline\n%env A=1\nimport math\ndef twice(x):\n    return 2 * x\n"}
    document["cells"].insert(1, own | {"execution_count": None})
    for cell in document["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = [line + "\r\n" for line in source.split("\n")]
        cell.pop("id", None)
    return json.dumps(document, indent=1).replace("\n", "\r\n").encode()


@submission
def saved_by_jupyterlab(notebook, folder):
    """Saved by JupyterLab with outputs, slides, collapsed headings, attachments and a kernel of conda."""
    document = _run(_as_json(notebook))
    document["metadata"] = {
        "kernelspec": {"display_name": "Python [conda env:dl] *", "language": "python", "name": "conda-env-dl-py"},
        "language_info": {"name": "python", "version": "3.11.4", "file_extension": ".py"},
        "toc-showcode": False,
        "celltoolbar": "Create Assignment",
        "widgets": {},
    }
    for cell in document["cells"]:
        cell["metadata"] |= {"slideshow": {"slide_type": "slide"}, "jp-MarkdownHeadingCollapsed": True, "trusted": True}
        cell["metadata"] |= {"editable": True, "jupyter": {"source_hidden": True, "outputs_hidden": True}}
        if cell["cell_type"] == "markdown":
            cell["attachments"] = {"image.png": {"image/png": "iVBORw0KGgo="}}
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


@submission
def saved_without_ids(notebook, folder):
    """Version 4.4 without ids, with sources as lists of lines, in one long line of ASCII."""
    document = _as_json(notebook)
    document["nbformat_minor"] = 4
    for cell in document["cells"]:
        cell.pop("id", None)
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = source.splitlines(keepends=True)
    return json.dumps(document, separators=(",", ":")).encode("ascii")


@submission
def saved_with_a_byte_order_mark(notebook, folder):
    """Saved by a text editor with a byte order mark and trailing blanks in every line."""
    document = _as_json(notebook)
    for cell in document["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = "\n".join(f"{line}  " for line in source.split("\n")) + "\n\n"
    return b"\xef\xbb\xbf" + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


@submission
def saved_in_version_3(notebook, folder):
    """Saved as an old notebook of version 3, with worksheets and inputs."""
    cells = []
    for cell in _as_json(notebook)["cells"]:
        source = cell["source"] if isinstance(cell["source"], list) else cell["source"].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cells.append({"cell_type": "code", "input": source, "language": "python", "metadata": cell["metadata"]})
            cells[-1] |= {"collapsed": False, "outputs": [], "prompt_number": 1}
        else:
            cells.append({"cell_type": cell["cell_type"], "metadata": cell["metadata"], "source": source})
    document = {"metadata": {"name": "lab1"}, "nbformat": 3, "nbformat_minor": 0}
    return json.dumps(document | {"worksheets": [{"cells": cells, "metadata": {}}]}, indent=1).encode()
