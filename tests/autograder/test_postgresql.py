"""nbgrader's gradebook on a PostgreSQL server, as a class past one machine has it."""

import glob
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from tests.autograder.test_pipeline import CLASS, hand_in, solved
from tests.conftest import PROGRAM

NOBODY = 65534


def programs():
    """Return where the server's programs are: Debian keeps them out of the path."""
    found = sorted(map(Path, glob.glob("/usr/lib/postgresql/*/bin")))
    on_path = [Path(path).resolve().parent for path in (shutil.which("pg_isready"),) if path]
    return next((place for place in (*found[::-1], *on_path) if (place / "initdb").is_file()), None)


@pytest.fixture(scope="module")
def server():
    place = programs()
    if place is None:
        pytest.skip("PostgreSQL is not installed: on Debian, apt-get install postgresql.")
    folder = tempfile.mkdtemp(prefix="cnn-course-postgresql-", dir="/tmp")
    who = {}
    if os.geteuid() == 0:
        # The server refuses to run as root.
        os.chown(folder, NOBODY, NOBODY)
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    data = f"{folder}/data"
    try:
        make = [place / "initdb", "--pgdata", data, "--username", "course", "--auth", "trust", "--no-sync"]
        subprocess.run(make, check=True, cwd=folder, capture_output=True, **who)
        # Only now: a port that is free does not stay so.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", folder, "-c", "fsync=off"]
        process = subprocess.Popen(
            [place / "postgres", "-D", data, *options], cwd=folder, stderr=subprocess.DEVNULL, **who
        )
        deadline = time.monotonic() + 300
        while subprocess.run(
            [place / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True
        ).returncode:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)
        yield f"postgresql://course@127.0.0.1:{port}/postgres"
        process.terminate()
        process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def grade(course, *options):
    done = subprocess.run(
        [PROGRAM, "grade", "lab1", "--course", course, "--seed", "3", "--json", course / "out.json", *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr
    return {record["student"]: record["points"] for record in json.loads((course / "out.json").read_text())}


def test_a_class_is_graded_into_postgresql(course, server, sandbox_works):
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(f"c.CourseDirectory.db_url = {server!r}\n")
    (course / "gradebook.db").unlink()
    subprocess.run([PROGRAM, "release", "lab1", "--course", course], check=True, capture_output=True)
    for name in ("right", "borrows"):
        notebook = solved(course)
        CLASS[name][0](notebook)
        hand_in(course, name, notebook)
    assert grade(course) == {"right": 35, "borrows": 33}
    assert not (course / "gradebook.db").exists()
    with Gradebook(server) as gradebook:
        assert gradebook.find_submission("lab1", "borrows").score == 33
        written = gradebook.find_grade("discussion", "lab1", "lab1", "borrows")
        written.manual_score = 7
        gradebook.db.commit()
    # What a person entered stays, and what was graded is not graded again unless somebody wants that.
    assert grade(course, "--force", "--no-feedback") == {"right": 35, "borrows": 33}
    with Gradebook(server) as gradebook:
        assert gradebook.find_submission("lab1", "borrows").score == 40
    page = course / "assignments" / "feedback" / "borrows" / "lab1" / "lab1.html"
    assert "flatten_layer uses keras" in page.read_text()


def test_a_server_that_is_gone_is_explained(course):
    hand_in(course, "ada", solved(course))
    with open(course / "nbgrader_config.py", "a") as file:
        file.write("c.CourseDirectory.db_url = 'postgresql://course@127.0.0.1:1/postgres'\n")
    done = subprocess.run([PROGRAM, "grade", "lab1", "--course", course], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "gradebook" in done.stderr and "127.0.0.1:1" in done.stderr
