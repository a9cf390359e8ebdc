"""The server of a run's page: what it serves, to whom, and for how long."""

import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from typing import NamedTuple

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import watching
from dnn_xp.reports.pages.card import versions_section
from dnn_xp.reports.pages.page import Headline, Page
from dnn_xp.reports.pages.watching import Watching

pytestmark = pytest.mark.once

PATIENCE = 60.0


class Run:
    """A follower whose news are made by a test."""

    def __init__(self):
        self.state, self.problem, self.cost, self.looks, self._new = "running", "", "1.0", 0, True

    def tell(self, cost, state="running"):
        self.cost, self.state, self._new = cost, state, True

    def look(self):
        self.looks += 1
        new, self._new = self._new, False
        return new


def page_of(run):
    again = versions_section({}, "dnn-xp train")
    return Page("a run", run.state, [Headline(run.cost, "cost")], [again])


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_SECONDS", 0.01)
    return Run()


@pytest.fixture
def listen():
    with ExitStack() as opened:
        yield lambda server: opened.enter_context(closing(Events(server)))


@pytest.fixture
def server(run):
    with Watching(run, page_of) as server:
        yield server


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    content: bytes


def ask(server, path="/", method="GET", **headers):
    """Return the answer to a request; of events only its head."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as asked:
        asked.request(method, path, headers=names)
        with asked.getresponse() as answer:
            is_stream = answer.headers["Content-Type"] == "text/event-stream"
            return Answer(answer.status, answer.headers, b"" if is_stream else answer.read())


class Events:
    """A client that hears of news."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.socket.sendall(
            f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass

    def close(self):
        self.file.close()
        self.socket.close()

    def next(self):
        """Return the parts of the next event, "over", or None at the end."""
        for line in self.file:
            if line.startswith(b"event: over"):
                return "over"
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        return None


def test_the_page_is_served_under_a_strict_policy(server):
    answer = ask(server)
    html = answer.content.decode()
    assert answer.status == 200
    assert "<b>1.0</b>" in html
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.split("; frame")[0] in html
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Python" not in str(answer.headers)


def test_the_page_is_that_of_now(server, run):
    run.tell("0.25")
    end = time.monotonic() + PATIENCE
    while b"<b>0.25</b>" not in ask(server).content:
        assert time.monotonic() < end
    head = ask(server, method="HEAD")
    assert head.status == 200
    assert int(head.headers["Content-Length"]) > 0
    assert head.content == b""


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"Host": host}
            for host in ("evil.example", "evil.example:{port}", "127.0.0.1", "", "::1")
        ),
        *({"Host": host} for host in ("localhost:1", "127.0.0.1:{port}.evil.example")),
        *(
            {"Origin": origin}
            for origin in ("http://evil.example", "null", "https://127.0.0.1:{port}")
        ),
        {"Origin": "http://localhost:{port}"},  # another origin than 127.0.0.1
        *({"Sec_Fetch_Site": site} for site in ("cross-site", "same-site")),
    ],
)
@pytest.mark.parametrize("path", ["/", "/events"])
def test_strangers_are_refused_without_a_word(server, headers, path):
    headers = {name: value.format(port=server.port) for name, value in headers.items()}
    answer = ask(server, path, **headers)
    assert answer.status == 403
    assert answer.content == b""


def test_who_asks_by_the_name_of_this_machine_is_served(server):
    for host in ("localhost", "LOCALHOST", "127.0.0.1"):
        name = f"{host}:{server.port}"
        own = {"Origin": f"http://{name}", "Sec_Fetch_Site": "same-origin"}
        assert ask(server, Host=name, **own).status == 200
    assert ask(server, Sec_Fetch_Site="none").status == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/run.json",
            "/history.jsonl",
            "/../run.json",
            "/..%2frun.json",
            "/?",
        ),
        *("/index.html", "/events/", "/events?x=1", "/%00", "*"),
    ],
)
def test_nothing_else_is_served(server, path):
    answer = ask(server, path)
    assert answer.status == 404
    assert answer.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused(server, method):
    answer = ask(server, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.content == b""


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(1_000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_others_are_served_on(server, request_text, capfd):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        answer = b""
        with suppress(ConnectionError):
            client.sendall(request_text)
            while part := client.recv(65_536):
                answer += part
    assert b" 200 " not in answer
    assert ask(server).status == 200
    assert capfd.readouterr() == ("", "")


def test_events_carry_what_has_changed(server, run, listen):
    events = listen(server)
    first = events.next()
    assert sorted(first) == ["head", "versions"]
    run.tell("0.5")
    second = events.next()
    assert [*second] == ["head"]
    assert "<b>0.5</b>" in second["head"]


def test_many_clients_hear_the_same(server, run, listen):
    clients = [listen(server) for _ in range(40)]
    for client in clients:
        client.next()
    run.tell("0.5")
    assert all("<b>0.5</b>" in client.next()["head"] for client in clients)


def test_where_there_are_too_many_some_are_to_come_again(run, monkeypatch, listen):
    monkeypatch.setattr(watching, "_MOST_CLIENTS", 3)
    with Watching(run, page_of) as server:
        clients = [listen(server) for _ in range(3)]
        for client in clients:
            client.next()
        with suppress(ConnectionError):
            answer = ask(server)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        for client in clients:  # whose places are free again
            client.close()
        end, status = time.monotonic() + PATIENCE, 0
        while status != 200:
            assert time.monotonic() < end
            run.tell(str(time.monotonic()))  # the server finds out that they have gone
            with suppress(ConnectionError, http.client.HTTPException):
                status = ask(server).status


def test_who_says_nothing_is_sent_away(run, monkeypatch):
    monkeypatch.setattr(watching._Client, "timeout", 0.05)
    with Watching(run, page_of) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
            client.sendall(b"GET / HT")
            assert client.recv(100) == b""
        assert ask(server).status == 200


def test_a_sign_of_life_where_there_is_no_news(run, monkeypatch, listen):
    monkeypatch.setattr(watching, "_HEARTBEAT_SECONDS", 0.05)
    with Watching(run, page_of) as server:
        events = listen(server)
        events.next()
        assert any(line == b": here\n" for line in iter(events.file.readline, b""))


def test_where_a_run_has_ended_its_events_end(server, run, listen):
    events = listen(server)
    events.next()
    run.tell("0.125", "done")
    found = [events.next(), events.next(), events.next()]
    assert "<b>0.125</b>" in found[0]["head"]
    assert found[1:] == ["over", None]
    late = listen(server)
    assert [type(late.next()), late.next(), late.next()] == [dict, "over", None]


def test_a_client_that_goes_disturbs_nobody(server, run, capfd, listen):
    gone, stays = listen(server), listen(server)
    stays.next()
    gone.close()
    for number in range(5):
        run.tell(str(number))
        assert f"<b>{number}</b>" in stays.next()["head"]
    assert capfd.readouterr() == ("", "")


def test_leaving_it_lets_go_of_clients_and_of_the_port(run, listen):
    before = threading.active_count()
    with Watching(run, page_of) as server:
        events, port = listen(server), server.port
        events.next()
    assert events.next() is None
    end = time.monotonic() + PATIENCE
    while threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.01)
    with Watching(run, page_of, port=port) as again:
        assert ask(again).status == 200


def test_it_listens_to_this_machine_alone(server):
    assert server._server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.port}/"


def test_a_port_that_is_taken_is_an_error(server, run):
    with pytest.raises(OSError, match="in use"):
        Watching(run, page_of, port=server.port)
