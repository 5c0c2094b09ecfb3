"""The services: how each is set up in an empty folder, and started."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .server import Server, free_port


def _program(service: str) -> str:
    from . import find, missing  # the package imports this module

    found = find(service)
    if found is None:
        raise RuntimeError(missing(service))
    return found


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f"refold-{name}-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def redis() -> Iterator[Server]:
    """Run an empty Redis that keeps nothing on disk."""
    with _folder("redis") as folder:
        port = free_port()
        command = [
            _program("redis"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        with _running(Server("redis", command, folder, port, url=f"redis://127.0.0.1:{port}/0")) as server:
            yield server


@contextmanager
def postgres(*settings: str) -> Iterator[Server]:
    """Run a PostgreSQL with one empty database, `refold`, whose owner needs no password.

    Args:
        settings: More settings of the server, e.g. `fsync=off`.
    """
    with _folder("postgres") as folder:
        port, bin_folder = free_port(), Path(_program("postgres")).resolve().parent
        user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        setup = [
            str(bin_folder / "initdb"),
            "-D",
            str(data),
            "-U",
            "refold",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(setup, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        command = [
            str(bin_folder / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder),
            "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
            *(part for setting in settings for part in ("-c", setting)),
        ]  # fmt: skip

        def ready() -> bool:
            asked = [str(bin_folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            return subprocess.run(asked, check=False).returncode == 0

        url = f"postgresql://refold@127.0.0.1:{port}/postgres"
        server = Server("postgres", command, folder, port, url=url, user=user, ready=ready)
        with _running(server):
            create = [
                str(bin_folder / "createdb"),
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "refold",
                "refold",
            ]
            subprocess.run(create, check=True, cwd=folder)
            server.url = f"postgresql://refold@127.0.0.1:{port}/refold"
            yield server


@contextmanager
def nginx(config: str) -> Iterator[Server]:
    """Run nginx in front of something.

    Args:
        config: What stands in `http { ... }`; `{port}` is where it listens.
    """
    with _folder("nginx") as folder:
        port = free_port()
        whole = (
            "daemon off; worker_processes 2; pid nginx.pid; error_log error.log;\n"
            "events { worker_connections 4096; }\n"
            "http {\n access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;\n"
            " uwsgi_temp_path u; scgi_temp_path s;\n" + config.replace("{port}", str(port)) + "\n}\n"
        )
        if os.geteuid() == 0:
            whole = "user root;\n" + whole
        (folder / "nginx.conf").write_text(whole)
        command = [_program("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
        with _running(Server("nginx", command, folder, port, url=f"http://127.0.0.1:{port}")) as server:
            yield server


@contextmanager
def haproxy(config: str) -> Iterator[Server]:
    """Run haproxy in front of something.

    Args:
        config: The whole configuration; `{port}` is where it listens, `{folder}` a folder for its sockets.
    """
    with _folder("haproxy") as folder:
        port = free_port()
        text = config.replace("{port}", str(port)).replace("{folder}", str(folder))
        (folder / "haproxy.cfg").write_text(text)
        command = [_program("haproxy"), "-W", "-db", "-f", "haproxy.cfg", "-p", "haproxy.pid"]
        with _running(Server("haproxy", command, folder, port, url=f"http://127.0.0.1:{port}")) as server:
            yield server
