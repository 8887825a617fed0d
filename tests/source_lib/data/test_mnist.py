"""MNIST from files, whole and broken, from a download that goes wrong, and its sample. Nothing reaches the internet."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from source_lib.data import DatasetError, mnist
from source_lib.data.mnist import load_mnist, mnist_sample, read_mnist

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A file that has MNIST's layout; the images are empty except for the first."""
    arrays = {}
    for part, count in (("train", 60000), ("test", 10000)):
        arrays[f"x_{part}"] = np.zeros((count, 28, 28), np.uint8)
        arrays[f"y_{part}"] = (np.arange(count) % 10).astype(np.uint8)
    arrays["x_train"][0] = 255
    path = tmp_path_factory.mktemp("whole") / "mnist.npz"
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has no data, and a proxy that refuses every connection."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxy of its first use
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path


def place(whole, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mnist.npz").write_bytes(whole.read_bytes())


def test_the_course_folder_comes_first(whole, machine, monkeypatch):
    place(whole, machine / "data")
    (machine / "keras/datasets/mnist.npz").write_bytes(b"not looked at")
    monkeypatch.setenv("CNN_COURSE_DATA", str(machine / "data"))
    (x_train, y_train, x_test, y_test), origin = load_mnist()
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert x_train[0].min() == 255 and list(y_train[:3]) == [0, 1, 2] and len(y_test) == 10000
    assert "CNN_COURSE_DATA" in origin


def test_keras_cache_comes_second(whole, machine, monkeypatch):
    place(whole, machine / "keras/datasets")
    monkeypatch.setenv("CNN_COURSE_DATA", str(machine / "empty"))
    assert load_mnist()[1] == "Keras' cache"


@pytest.mark.parametrize("cut", [0, 1, 100, 30000, -1])
def test_half_a_file_is_no_data(whole, tmp_path, cut):
    path = tmp_path / "mnist.npz"
    path.write_bytes(whole.read_bytes()[:cut])
    with pytest.raises(DatasetError, match=f"{re.escape(str(path))} is damaged.*[Dd]elete it"):
        read_mnist(path)


def test_a_flipped_byte_is_found(whole, tmp_path):
    path = tmp_path / "mnist.npz"
    content = bytearray(whole.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged"):
        read_mnist(path)


def other_files(whole, folder):
    with np.load(whole) as archive:
        arrays = dict(archive)
    np.savez(folder / "lacking.npz", x_train=arrays["x_train"][:3])
    np.savez(folder / "short.npz", **(arrays | {"x_train": arrays["x_train"][:5]}))
    np.savez_compressed(folder / "floats.npz", **(arrays | {"y_test": arrays["y_test"].astype(float)}))
    np.savez_compressed(folder / "labels.npz", **(arrays | {"y_test": arrays["y_test"] + np.uint8(1)}))
    np.savez(folder / "pickled.npz", **{key: np.array([None]) for key in arrays})
    np.save(folder / "array.npy", arrays["y_test"])
    (folder / "text.npz").write_text("<html>Please log in to the network</html>")
    (folder / "folder.npz").mkdir()


def test_other_files_are_not_mnist(whole, tmp_path):
    other_files(whole, tmp_path)
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 8
    for path in [*paths, tmp_path / "absent.npz"]:
        with pytest.raises(DatasetError) as error:
            read_mnist(path)
        message = str(error.value)
        assert str(path) in message and "\n" not in message and "Delete it, or replace it" in message


def test_a_broken_file_of_ones_own_is_not_passed_over(whole, machine, monkeypatch):
    place(whole, machine / "keras/datasets")
    (machine / "mnist.npz").write_bytes(b"PK")
    monkeypatch.setenv("CNN_COURSE_DATA", str(machine))
    with pytest.raises(DatasetError, match=re.escape(str(machine / "mnist.npz"))):
        load_mnist()


@pytest.mark.parametrize("variable", [False, True])
def test_no_data_and_no_connection(machine, monkeypatch, variable):
    if variable:
        monkeypatch.setenv("CNN_COURSE_DATA", str(machine / "course"))
    with pytest.raises(DatasetError) as error:
        load_mnist(verbose=False)
    message = str(error.value)
    expected = machine / ("course" if variable else "keras/datasets") / "mnist.npz"
    assert mnist.MNIST_URL in message and str(expected) in message and "\n" not in message
    assert list((machine / "keras/datasets").iterdir()) == []


def test_a_broken_cache_is_named_when_it_cannot_be_renewed(machine):
    (machine / "keras/datasets/mnist.npz").write_bytes(b"half")
    with pytest.raises(DatasetError, match="could not be downloaded.*the file that is there is damaged"):
        load_mnist(verbose=False)


def test_a_path_below_home_is_written_without_it(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere/anna")
    assert mnist._short(Path("/somewhere/anna/.keras/datasets/mnist.npz")) == "~/.keras/datasets/mnist.npz"
    assert mnist._short(Path("/elsewhere/mnist.npz")) == "/elsewhere/mnist.npz"


def test_a_silent_proxy_does_not_hang_the_download(machine, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes the connection, never answers
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(mnist, "STALL_SECONDS", 0.5)
        import keras  # noqa: F401  its start is not what is timed

        start = time.monotonic()
        with pytest.raises(DatasetError, match="storage.googleapis.com does not answer"):
            load_mnist(verbose=False)
        assert time.monotonic() - start < 5
    assert socket.getdefaulttimeout() is None


def test_a_silent_server_does_not_hang_the_download(machine, monkeypatch):
    monkeypatch.delenv("https_proxy")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(mnist, "CONNECT_SECONDS", 0.5)
    # Once its queue is full, Linux drops what else asks for a connection, as a firewall would.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as queue:
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        monkeypatch.setattr(mnist, "MNIST_URL", f"https://127.0.0.1:{server.getsockname()[1]}/mnist.npz")
        start = time.monotonic()
        with pytest.raises(DatasetError, match="127.0.0.1 does not answer"):
            load_mnist(verbose=False)
        assert 0.4 < time.monotonic() - start < 3


DOWNLOAD = """
import functools, hashlib, sys
import keras.src.datasets.mnist as owner
from source_lib.data import DatasetError, mnist
from source_lib.data.locations import keras_cache

url, path = sys.argv[1:]
digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
get_file = owner.get_file
# Keras' own download, from a server of this test instead of the internet.
owner.get_file = lambda origin, **options: get_file(origin=url, **options)
for checksum in ("theirs", "ours"):
    if checksum == "ours":
        owner.get_file = lambda origin, file_hash, **options: get_file(origin=url, file_hash=digest, **options)
    try:
        print(checksum, mnist.load_mnist(verbose=False)[1])
    except DatasetError as error:
        print(checksum, error)
    print(sorted(path.name for path in keras_cache().iterdir()))
"""


def start_download(url, whole, machine):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", DOWNLOAD, url, str(whole)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=machine, **pipes)


def download(url, whole, machine):
    with start_download(url, whole, machine) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.splitlines()


@pytest.fixture
def serve(whole):
    """Serve the file over HTTP, or only its beginning while promising all; then hang up, or never do."""
    servers, held = [], []

    def start(fraction, hang_up=True):
        content = whole.read_bytes()
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answer():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(4096)
                connection.sendall(head + content[: int(fraction * len(content))])
                if hang_up:
                    connection.close()
                else:
                    held.append(connection)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz"

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for connection in held:
        connection.close()


def test_only_a_checked_download_gets_the_name(whole, machine, serve):
    (machine / "keras/datasets/mnist.npz").write_bytes(b"half")
    lines = download(serve(1), whole, machine)
    assert "does not have the checksum of MNIST" in lines[0] and "damaged" in lines[0]
    assert lines[1] == "['mnist.npz']" and lines[2:] == ["ours a fresh download", "['mnist.npz']"]
    np.testing.assert_array_equal(read_mnist(machine / "keras/datasets/mnist.npz")[3][:3], [0, 1, 2])


def test_a_download_that_breaks_off_leaves_nothing(whole, machine, serve):
    lines = download(serve(0.5), whole, machine)
    assert "retrieval incomplete" in lines[2] and lines[1] == lines[3] == "[]"


def test_a_download_that_is_killed_leaves_no_data(whole, machine, serve):
    with start_download(serve(0.5, hang_up=False), whole, machine) as process:
        deadline = time.monotonic() + 60
        while not list((machine / "keras/datasets").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.kill()
    (leftover,) = (machine / "keras/datasets").iterdir()
    assert leftover.name.endswith(".part.npz")
    with pytest.raises(DatasetError, match="could not be downloaded"):
        load_mnist(verbose=False)


@pytest.mark.skipif(not os.environ.get("CNN_COURSE_DATA"), reason="CNN_COURSE_DATA is not set: no real MNIST here")
def test_real_mnist():
    (x_train, y_train, x_test, y_test), _ = load_mnist()
    # Counts of the digits as published with the data set.
    assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(x_train.mean() / 255 - 0.1307) < 1e-4


def test_sample_has_the_layout_of_mnist():
    x_train, y_train, x_test, y_test = mnist_sample()
    assert x_train.shape == (1297, 28, 28) and x_test.shape == (500, 28, 28)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert x_train.min() == 0 and x_train.max() == 255
    assert not x_train[:, :4].any() and not x_train[:, :, -4:].any(), "digits are framed with background"
    for labels, images in ((y_train, x_train), (y_test, x_test)):
        counts = np.bincount(labels)
        assert len(counts) == 10 and len(labels) == len(images)
        assert counts.min() > 0.85 * counts.max(), "no class is rare"


def test_no_image_is_in_both_parts():
    x_train, _, x_test, _ = mnist_sample()
    assert not {image.tobytes() for image in x_train} & {image.tobytes() for image in x_test}


def test_images_still_show_their_digits():
    # A nearest-neighbor classifier that only chance could help would get a tenth right.
    from sklearn.neighbors import KNeighborsClassifier

    x_train, y_train, x_test, y_test = mnist_sample()
    model = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    assert model.score(x_test.reshape(len(x_test), -1), y_test) > 0.9
