"""SERVE: answer the links in messages until told to stop."""

import signal
import socket

from campaigns.errors import BadSettings, MissingTool
from campaigns.project import Project

GRACE_SECONDS = 10
"""So long a request under way may take to end after SIGTERM."""


def serve(project: Project, host: str | None = None, port: int | None = None) -> None:
    """Answer requests until SIGTERM or Ctrl-C; those under way are finished.

    Args:
        project: the open project.
        host: where to listen; the setting, if none.
        port: likewise.

    Raises:
        MissingTool: the extra `web` is not installed.
        BadSettings: nobody can listen there.
        StoreError: the database can't be used.
    """
    try:
        import uvicorn  # noqa: PLC0415 an extra

        from campaigns.web.app import make_app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingTool("the web server is not installed", remedy="pip install 'handpicked[web]'") from error
    web = project.settings.web
    host, port = host or web.host, port or web.port
    # No access log: a line of it holds a token, which is a key, and an address.
    config = uvicorn.Config(
        make_app(project), access_log=False, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS
    )
    with listen(host, port) as place:
        project.progress.say(f"serving on http://{host}:{port}; stop with Ctrl-C")
        _end_quietly()
        uvicorn.Server(config).run(sockets=[place])


def listen(host: str, port: int) -> socket.socket:
    """Take a place to listen on.

    Raises:
        BadSettings: the port is taken or not allowed, or the host is not this machine's.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise BadSettings(
            f"nobody can listen on {host}:{port}: {error}", remedy="name another place with --host and --port"
        ) from error


def _end_quietly() -> None:
    """Let the signal that ends the server be no fault: the server sends it again, to us, when all is done."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
