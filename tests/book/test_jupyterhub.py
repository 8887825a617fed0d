"""The page on JupyterHub: its commands take a submission through nbgrader's exchange, and the feedback back."""

import os
import re
import subprocess
from types import SimpleNamespace

from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.labs import get_lab
from tests.conftest import PROGRAM, ROOT

TEXT = (ROOT / "book" / "instructors" / "jupyterhub.md").read_text()
LAB = get_lab("lab1")
EXCHANGE = "/srv/nbgrader/exchange"


def blocks(language, text=TEXT):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_the_page_s_commands_take_a_submission_in_and_the_feedback_back(course, tmp_path, sandbox_works):
    exchange, home = tmp_path / "exchange", tmp_path / "home"
    settings = next(block for block in blocks("python") if "Exchange.root" in block)
    (home / ".jupyter").mkdir(parents=True)
    (home / ".jupyter" / "nbgrader_config.py").write_text(settings.replace(EXCHANGE, str(exchange)))
    where = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    where |= {"HOME": str(home), "PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}

    def run(block, folder):
        done = subprocess.run(
            ["bash", "-e"],
            input=block.replace(EXCHANGE, str(exchange)),
            cwd=folder,
            env=where,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (block, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    make = next(block for block in blocks("bash") if "chmod 777" in block)
    run(make.replace("/etc/cnn-course", str(tmp_path / "etc")), tmp_path)
    release, hand_in, grade, fetch = blocks("bash", TEXT.partition("## Release, take in")[2])
    run(release, course)
    get, submit = hand_in.splitlines()
    run(get, home)
    solution = course / "assignments" / "source" / "lab1" / "lab1.ipynb"
    (home / "lab1" / "lab1.ipynb").write_bytes(solution.read_bytes())
    run(submit, home)
    assert "1 found, 1 taken" in run(grade, course)
    run(fetch, home)
    (page,) = (home / "lab1" / "feedback").glob("*/lab1.html")
    assert f"Automatic points: {LAB.points:g} of {LAB.points:g}" in page.read_text()

    # What the page says of points that a person gives afterward.
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        (submission,) = gradebook.assignment_submissions("lab1")
        for cell in submission.notebooks[0].grades:
            if cell.name in LAB.manual:
                cell.manual_score, cell.needs_manual_grade = 3.0, False
        gradebook.db.commit()
    run("cnn-course feedback lab1\nnbgrader release_feedback lab1\n", course)
    run(fetch, home)
    assert f"{LAB.points + 3:g} of {LAB.points + LAB.manual['discussion']:g} points" in page.read_text()


def test_the_configuration_of_the_hub_is_python_and_keeps_the_instructor_s_code_from_students():
    (settings,) = (block for block in blocks("python") if "JupyterHub" in block)
    config = Config()
    exec(settings, {"get_config": lambda: config})
    path = config.Spawner.environment["PYTHONPATH"]
    assert [path(SimpleNamespace(user=SimpleNamespace(name=name))) for name in ("grace", "ada")] == [
        "/home/grace/cnn-course",
        "",
    ]
    assert config.LTI13Authenticator.username_key.startswith("custom_")
