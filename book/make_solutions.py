"""Train the course's own solutions of the labs that have one to train, as their texts have them, and keep the results.

Takes one to two hours of two cores. What was trained is kept in ``book/_build/runs``: stop it whenever you like, and
start it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext

from autograder.checking.reproduction import Record, Reproduction, Solution
from autograder.labs import all_labs
from book.stored import BOOK, DATA, WORK, circumstances, write_lines

if TYPE_CHECKING:
    from source_lib.data import DataGenerator

TEXTS = BOOK.parent / "assignments"


def reproductions() -> dict[str, Reproduction]:
    """Return how the solution is trained of each lab that has one to train, by the lab's name."""
    rooms = {lab.name: lab.room("solution") for lab in all_labs()}
    return {name: room.REPRODUCTION for name, room in rooms.items() if room is not None}


def solution(lab: str) -> Solution:
    """Return the solution that a lab's text holds.

    Parameters
    ----------
    lab : str
        The lab's name.

    Returns
    -------
    Solution
    """
    text = jupytext.read(TEXTS / lab / f"{lab}.md").cells
    cells = {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in text if "nbgrader" in cell.metadata}
    parts = reproductions()[lab].parts
    code = [cells[name] for name in (*parts, "build_model", "train_model")]
    if parts:
        # What the text itself defines in cells that run while grading too.
        code += [
            cell.source
            for cell in text
            if cell.cell_type == "code"
            and "nbgrader" not in cell.metadata
            and "explore" not in cell.metadata.get("tags", ())
        ]
    # The instant checks are left out: nothing is asked here.
    setup = "\n".join(line for line in cells["setup"].split("\n") if "open_lab" not in line)
    space: dict[str, Any] = {}
    exec("\n\n".join([setup, *code]), space)
    key = hashlib.sha256("\n".join(code).encode()).hexdigest()[:8]
    return Solution(space["build_model"], space["train_model"], key, space)


def reproduce(lab: str, reproduction: Reproduction, data: DataGenerator, work: Path) -> list[Record]:
    """Train the solution of a lab.

    Parameters
    ----------
    lab : str
        The lab's name.
    reproduction : Reproduction
    data : DataGenerator
        Its images.
    work : pathlib.Path
        Folder where each training is kept.

    Returns
    -------
    list of dict
        What the trainings have come to, first about all of them.
    """
    solved = solution(lab)
    work.mkdir(parents=True, exist_ok=True)
    about, lines = reproduction.train(solved, data, work / f"{lab}-{solved.key}-{_key(data)}.jsonl")
    about = {"lab": lab, "data": data.title, **about}
    if reproduction.colors:
        from autograder.leaderboard.baseline import color_scores

        about["colors"] = color_scores(data.x_train, data.y_train, data.x_valid, data.y_valid)
    about |= {"solution": solved.key, "parameters": solved.build_model().count_params(), **circumstances()}
    return [about, *({"lab": lab, **line} for line in lines)]


def _key(data: DataGenerator) -> str:
    known = json.dumps([data.title, data.N_train, data.N_test])
    return hashlib.sha256(known.encode()).hexdigest()[:8]


def main(argv: list[str] | None = None) -> int:
    """Train from the command line; 1 with the reason where that was not possible."""
    known = reproductions()
    parser = argparse.ArgumentParser(description="Train the labs' own solutions, and keep what they reach.")
    parser.add_argument("--labs", choices=list(known), nargs="+", default=list(known), help="default: all")
    parser.add_argument("--output", type=Path, default=DATA, help="folder for solution-LAB.jsonl")
    parser.add_argument("--work", type=Path, default=WORK, help="folder where trainings are kept meanwhile")
    options = parser.parse_args(argv)

    from source_lib.data import DataGenerator, DatasetError

    try:
        for lab in options.labs:
            if (load := known[lab].load) is not None:
                data = load()
            else:
                data = DataGenerator()
                data.generate(known[lab].dataset, source="real")
            path = options.output / f"solution-{lab}.jsonl"
            write_lines(path, reproduce(lab, known[lab], data, options.work))
            print(f"What the solution of {lab} reaches is in {path}")
    except (DatasetError, OSError) as error:
        print(f"The solutions were not trained. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was trained is in {options.work}, and is not trained again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
