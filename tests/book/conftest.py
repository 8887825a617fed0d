"""The pages of the site as trees, and a browser to look at them with."""

import functools
import gzip
import http.server
import os
import threading
from pathlib import Path

import pytest

from tests.book.pages import of_page, outputs, trees


@pytest.fixture(scope="session")
def soups(site):
    return trees(site)


@pytest.fixture(scope="module")
def printed(request, site, soups):
    """What the code of the page prints that the test module calls ``NAME``."""
    return outputs(site, soups, request.module.NAME)


@pytest.fixture(scope="module")
def text(request, site, soups):
    """What a reader sees of that page, in one line."""
    return " ".join(of_page(site, soups, request.module.NAME).find("article").get_text().split())


@functools.cache
def _packed(path, changed):
    return gzip.compress(Path(path).read_bytes(), 6)


class _Server(http.server.SimpleHTTPRequestHandler):
    """Serves text packed with gzip, as the web servers do that publish such a site."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in {".html", ".css", ".js", ".svg", ".json"} or not path.is_file():
            return super().do_GET()
        body = _packed(str(path), path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Server, directory=str(site)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(chromium):
    if chromium is None and os.environ.get("CI"):
        pytest.fail("CI needs Chromium: there is none to look at the pages with.")
    if chromium is None:
        pytest.skip("There is no Chromium here to look at the pages with.")
    return chromium
