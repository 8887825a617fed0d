"""What goes into the public repository: the site and the releases, and never a line of a solution."""

import json
import zipfile

import pytest

from book.publish import PublishError, finds, main, publish, secret_lines

SECRET = "padded = np.pad(image, secret_width)"
SECRETS = {SECRET: "lab9"}


@pytest.fixture
def built(tmp_path):
    """A small site and a release, with nothing in them that must not be published."""
    site, releases = tmp_path / "site", tmp_path / "releases"
    (site / "theory").mkdir(parents=True)
    (site / "index.html").write_text("<p>Home</p>")
    (releases / "lab9").mkdir(parents=True)
    notebook = {"cells": [{"cell_type": "code", "source": ["# YOUR CODE HERE\n"]}], "nbformat": 4}
    (releases / "lab9" / "lab9.ipynb").write_text(json.dumps(notebook))
    return site, releases


def put_page(site, releases):
    words = "".join(f"<span>{word}</span>" if word.isalpha() else word for word in SECRET.replace("&", "&amp;"))
    (site / "theory" / "page.html").write_text(f"<pre>x = 1\n    {words}\n</pre>")


def put_script(site, releases):
    (site / "code.py").write_text(f"def f(image):\n    {SECRET}  # room at the border\n")


def put_notebook(site, releases):
    cells = [{"cell_type": "code", "source": ["x = 1\n", f"{SECRET}\n"]}]
    (releases / "lab9" / "lab9.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))


def put_package(site, releases):
    with zipfile.ZipFile(site / "package.whl", "w") as archive:
        archive.writestr("package/module.py", f"{SECRET}\n")


def put_compiled(site, releases):
    (releases / "lab9" / "check.pyc").write_bytes(b"\0")


def put_link(site, releases):
    (site / "more").symlink_to("/etc")


@pytest.mark.parametrize("put", [put_page, put_script, put_notebook, put_package, put_compiled, put_link])
def test_what_gives_something_away_is_refused_and_the_old_folder_stays(built, tmp_path, put):
    target = tmp_path / "public"
    publish(*built, target, SECRETS)
    before = sorted(target.rglob("*"))
    put(*built)
    with pytest.raises(PublishError, match="Nothing was published"):
        publish(*built, target, SECRETS)
    assert sorted(target.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".publish")] == []


def test_folder_is_the_site_and_the_releases_alone_and_stays_a_checkout(built, tmp_path):
    target = tmp_path / "public"
    (target / ".git").mkdir(parents=True)
    (target / ".git" / "HEAD").write_text("ref: refs/heads/gh-pages")
    (target / "old.html").touch()
    publish(*built, target, SECRETS)
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert names == {".git/HEAD", ".nojekyll", "index.html", "releases/lab9/lab9.ipynb"}


def test_without_a_site_or_a_release_it_says_what_to_do(built, tmp_path, capsys):
    site, releases = built
    assert main([str(tmp_path / "public"), "--site", str(tmp_path / "none")]) == 1
    assert "make book" in capsys.readouterr().err
    assert main([str(tmp_path / "public"), "--site", str(site), "--releases", str(tmp_path / "none")]) == 1
    assert "cnn-course release" in capsys.readouterr().err
    assert not (tmp_path / "public").exists()


def test_the_site_gives_nothing_away(site):
    secrets = secret_lines()
    assert len(set(secrets.values())) > 5
    assert finds(site, secrets) == []
