"""MNIST from files, whole and broken, from a download that goes wrong, and its sample. Nothing reaches the internet."""

import contextlib
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
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
    assert mnist.below_home(Path("/somewhere/anna/.keras/datasets/mnist.npz")) == "~/.keras/datasets/mnist.npz"
    assert mnist.below_home(Path("/elsewhere/mnist.npz")) == "/elsewhere/mnist.npz"


@contextlib.contextmanager
def closed_later(server):
    """Close a server that does not answer, after far longer than anyone should wait: what waits then sees that."""
    timer = threading.Timer(60, server.close)
    timer.start()
    yield
    timer.cancel()


def test_a_silent_proxy_does_not_hang_the_download(machine, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server, closed_later(server):  # takes it, never answers
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(mnist, "CONNECT_SECONDS", 0.5)
        with pytest.raises(DatasetError, match="storage.googleapis.com does not answer"):
            load_mnist(verbose=False)


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
        queue.enter_context(closed_later(server))
        monkeypatch.setattr(mnist, "MNIST_URL", f"https://127.0.0.1:{server.getsockname()[1]}/mnist.npz")
        with pytest.raises(DatasetError, match="127.0.0.1 does not answer"):
            load_mnist(verbose=False)


def test_a_name_that_nobody_knows_is_no_connection(machine, monkeypatch):
    monkeypatch.delenv("https_proxy")
    monkeypatch.setattr(mnist, "MNIST_URL", "https://no-such-host.invalid/mnist.npz")
    with pytest.raises(DatasetError, match="downloaded: there is no connection to the internet"):
        load_mnist(verbose=False)


@pytest.fixture
def serve(whole, machine, monkeypatch):
    """Serve the file over HTTP, or only its beginning while promising all; then hang up, or never do."""
    monkeypatch.setenv("no_proxy", "*")
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
        monkeypatch.setattr(mnist, "MNIST_URL", f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz")

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for connection in held:
        connection.close()


def test_only_a_checked_download_gets_the_name(whole, machine, serve, monkeypatch):
    cached = machine / "keras/datasets/mnist.npz"
    cached.write_bytes(b"half")
    serve(1)
    with pytest.raises(DatasetError, match="does not have the checksum of MNIST.*that is there is damaged"):
        load_mnist(verbose=False)
    assert cached.read_bytes() == b"half" and list(cached.parent.iterdir()) == [cached]
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashlib.sha256(whole.read_bytes()).hexdigest())
    arrays, origin = load_mnist(verbose=False)
    assert origin == "a fresh download" and list(arrays[3][:3]) == [0, 1, 2]
    assert cached.read_bytes() == whole.read_bytes() and list(cached.parent.iterdir()) == [cached]


def test_a_download_says_what_it_does_where_that_is_wanted(whole, serve, monkeypatch, capfd):
    serve(1)
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashlib.sha256(whole.read_bytes()).hexdigest())
    load_mnist()
    shown = capfd.readouterr()
    assert shown.out == f"Downloading MNIST from {mnist.MNIST_URL}\n" and "100%" in shown.err
    load_mnist()
    assert capfd.readouterr() == ("", ""), "it is in the cache now"


def test_a_download_where_nothing_can_be_kept(whole, machine, serve, monkeypatch):
    (machine / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(machine / "file"))
    serve(1)
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashlib.sha256(whole.read_bytes()).hexdigest())
    assert load_mnist(verbose=False)[1] == "a fresh download"


def test_a_download_that_breaks_off_leaves_nothing(machine, serve):
    serve(0.5)
    with pytest.raises(DatasetError, match="downloaded: the download broke off"):
        load_mnist(verbose=False)
    assert list((machine / "keras/datasets").iterdir()) == []


def test_a_download_that_falls_silent_is_given_up(machine, serve, monkeypatch):
    serve(0.5, hang_up=False)
    monkeypatch.setattr(mnist, "STALL_SECONDS", 0.5)
    with pytest.raises(DatasetError, match="127.0.0.1 does not answer"):
        load_mnist(verbose=False)
    assert list((machine / "keras/datasets").iterdir()) == []


def test_a_download_that_is_killed_leaves_no_data(machine, serve):
    serve(0.5, hang_up=False)
    code = f"from source_lib.data import mnist; mnist.MNIST_URL = {mnist.MNIST_URL!r}; mnist.load_mnist()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not list((machine / "keras/datasets").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.kill()
    (leftover,) = (machine / "keras/datasets").iterdir()
    assert leftover.name != "mnist.npz"


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
