"""A server of one page, which shows a run while it goes on; for this machine alone.

It serves the page and its events, to who asks for them by the name of this machine. What comes
with each event is the parts of the page that have changed, as the page of a report has them.
"""

import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from dnn_xp.reports.pages.following import Follower
from dnn_xp.reports.pages.page import Page, policy

__all__ = ["Watching"]

_LOOK_SECONDS, _HEARTBEAT_SECONDS, _CLIENT_SECONDS = 0.5, 15.0, 20.0
"""Between looks at the run; between signs of life; and how long a client may keep it waiting."""

_MOST_CLIENTS = 64

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class Watching:
    """A server that shows a run, from entering it as a context to leaving it.

    Parameters
    ----------
    follower : Follower
        Of the run.
    make_page : callable
        ``make_page(follower)`` is the `Page` of the run as it is now.
    port : int
        Of this machine. Default: one that is free.

    Attributes
    ----------
    port : int

    Raises
    ------
    OSError
        Where the port is taken.
    """

    def __init__(
        self, follower: Follower, make_page: Callable[[Follower], Page], *, port: int = 0
    ) -> None:
        self._follower, self._make_page = follower, make_page
        self._feed = _Feed()
        follower.look()
        self._feed.show(make_page(follower), over=self._is_over())
        self._server = _Server(("127.0.0.1", port), _Client)
        self._server.feed = self._feed
        self.port: int = self._server.server_address[1]
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True),
            threading.Thread(target=self._keep_looking, daemon=True),
        ]

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        """Begin to serve."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Let go of all clients and of the port."""
        self._end.set()
        self._feed.close()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def _keep_looking(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            if self._follower.look():
                self._feed.show(self._make_page(self._follower), over=self._is_over())

    def _is_over(self) -> bool:
        return self._follower.state in ("done", "diverged") and not self._follower.problem


class _Feed:
    """The page as it is now, and which of its parts are how new."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.version, self.is_open, self.over = 0, True, False
        self._parts: dict[str, tuple[int, str]] = {}
        self.html = ""

    def show(self, page: Page, *, over: bool = False) -> None:
        """Have all clients see a page."""
        parts, html = {name: str(part) for name, part in page.parts().items()}, page.html(live=True)
        with self.changed:
            self.version += 1
            for name, part in parts.items():
                if self._parts.get(name, (0, None))[1] != part:
                    self._parts[name] = self.version, part
            self.html, self.over = html, over
            self.changed.notify_all()

    def close(self) -> None:
        """Send all clients away."""
        with self.changed:
            self.is_open = False
            self.changed.notify_all()

    def wait(self, seen: int) -> tuple[int, dict[str, str]]:
        """Return the version, and the parts that are newer than one, once there are any."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.version > seen or not self.is_open, timeout=_HEARTBEAT_SECONDS
            )
            newer = {name: part for name, (since, part) in self._parts.items() if since > seen}
            return self.version, newer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    feed: _Feed

    def __init__(self, *arguments: Any) -> None:
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.setblocking(False)
            request.recv(65_536)
            request.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that has gone is no error
            super().handle_error(request, client_address)


class _Client(BaseHTTPRequestHandler):
    server: _Server
    protocol_version, server_version, sys_version = "HTTP/1.1", "dnn-xp", ""
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def _answer(self, *, with_content: bool) -> None:
        if not self._is_own():
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == "/":
            self._send_page(with_content)
        elif self.path == "/events":
            self._send_events(with_content)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _is_own(self) -> bool:
        """Return whether it is asked for by this machine's name, and by no page but its own.

        Another name may be a stranger's that leads here (DNS rebinding).
        """
        hosts = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        own = self.headers.get_all("Host", [])
        origins = self.headers.get_all("Origin", [])
        sites = self.headers.get_all("Sec-Fetch-Site", [])
        return (
            len(own) == 1
            and own[0].lower() in hosts
            and all(origin.lower() == f"http://{own[0].lower()}" for origin in origins)
            and all(site in ("same-origin", "none") for site in sites)
        )

    def _send_page(self, with_content: bool) -> None:
        content = self.server.feed.html.encode()
        self._begin("text/html; charset=utf-8", {"Content-Length": str(len(content))})
        if with_content:
            self.wfile.write(content)

    def _send_events(self, with_content: bool) -> None:
        self._begin("text/event-stream", {"Connection": "close"})
        self.close_connection = True
        if not with_content:
            return
        self.wfile.write(b"retry: 2000\n\n")
        feed, seen = self.server.feed, 0
        with suppress(OSError):  # the client has gone
            while feed.is_open:
                seen, parts = feed.wait(seen)
                lines = f"data: {json.dumps(parts)}\n\n" if parts else ": here\n\n"
                if feed.over and feed.version == seen:
                    lines += "event: over\ndata:\n\n"
                self.wfile.write(lines.encode())
                if feed.over and feed.version == seen:
                    return

    def _begin(self, kind: str, headers: dict[str, str]) -> None:
        self.send_response(HTTPStatus.OK)
        rules = f"{policy(live=True)}; frame-ancestors 'none'"
        own = {"Content-Type": kind, "Content-Security-Policy": rules, **_HEADERS, **headers}
        for name, value in own.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: Any = None, explain: Any = None) -> None:
        """Refuse without a word: what was asked for is not repeated."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code = HTTPStatus.METHOD_NOT_ALLOWED
        self.close_connection = True
        self.send_response(code)
        headers = {"Content-Length": "0", "Connection": "close", **_HEADERS}
        if code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: the terminal is the user's."""
