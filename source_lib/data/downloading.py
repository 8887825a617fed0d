"""How the data sets that are downloaded find out, soon, whether that will work, and say why it did not."""

from __future__ import annotations

import http.client
import os
import socket
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

#: Seconds until a server that does not answer counts as out of reach.
CONNECT_SECONDS = 5


def reach(url: str, seconds: float = CONNECT_SECONDS) -> None:
    """Return if the server of a URL can be connected to; never take long.

    Parameters
    ----------
    url : str
    seconds : float
        Until a server that does not answer counts as out of reach.

    Raises
    ------
    OSError
        If it cannot.
    """
    if urllib.request.getproxies().get(urlsplit(url).scheme):
        return  # only the proxy can tell
    # A firewall that drops packets costs a timeout for each of the server's addresses, so they share one.
    deadline = time.monotonic() + seconds
    problem = TimeoutError("no answer")
    parts = urlsplit(url)
    for *_, address in socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            socket.create_connection(address[:2], timeout=left).close()
            return
        except OSError as error:
            problem = error
    raise problem


def reason(error: BaseException, url: str, name: str) -> str:
    """Return in a few words why a download failed.

    Parameters
    ----------
    error : Exception
        What was raised.
    url : str
        What was downloaded.
    name : str
        What the data set is called.
    """
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "there is no connection to the internet"
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return f"{urlsplit(url).hostname} does not answer"
    if any(isinstance(cause, http.client.IncompleteRead) for cause in causes):
        return "the download broke off"
    if not isinstance(error, OSError):
        return f"what arrived does not have the checksum of {name}"
    # What requests says itself is long and full of its own words; the error of the system below it is not.
    return next((cause.strerror for cause in causes if getattr(cause, "strerror", None)), str(error).rstrip("."))


def below_home(path: Path) -> str:
    """Write a path below the user's home with ``~``, so that it can be shown to others.

    Parameters
    ----------
    path : pathlib.Path
    """
    home = Path(os.path.expanduser("~"))
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
