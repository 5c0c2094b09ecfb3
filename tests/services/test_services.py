"""The services themselves: each starts, answers, and is gone afterwards."""

import socket
import urllib.request

from . import haproxy, needs, nginx, postgres, redis
from .server import free_port


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@needs("redis")
def test_redis_is_empty_after_a_kill_and_gone_at_the_end() -> None:
    with redis() as server:
        _say(server.port, b"SET a 1\r\n", b"+OK")
        server.kill()
        assert not _listens(server.port)
        server.start()
        _say(server.port, b"EXISTS a\r\n", b":0")
    assert not _listens(server.port)


@needs("postgres")
def test_postgres_accepts_connections() -> None:
    with postgres() as server:
        assert _listens(server.port)
    assert not _listens(server.port)


@needs("nginx")
def test_nginx_answers() -> None:
    config = "server { listen 127.0.0.1:{port}; return 200 'hello'; }"
    with nginx(config) as server, urllib.request.urlopen(server.url, timeout=10) as response:
        assert response.read() == b"hello"


@needs("haproxy")
def test_haproxy_answers() -> None:
    config = (
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
        "frontend f\n bind 127.0.0.1:{port}\n http-request return status 200 content-type text/plain string hello\n"
    )
    with haproxy(config) as server, urllib.request.urlopen(server.url, timeout=10) as response:
        assert response.read() == b"hello"


def test_a_free_port_has_no_listener() -> None:
    assert not _listens(free_port())


def _say(port: int, command: bytes, expected: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(command)
        assert sock.recv(100).startswith(expected)
