"""nginx and haproxy in front of a server, as an operator would configure them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{target}; proxy_http_version 1.1; proxy_request_buffering off; }}
  }}
}}
"""

HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{port}
  default_backend service
backend service
  server one 127.0.0.1:{target}
"""

PROXIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "nginx": (NGINX, ("nginx", "-c")),
    "haproxy": (HAPROXY, ("haproxy", "-db", "-f")),
}


def installed(name: str) -> bool:
    """Whether the proxy can be run here."""
    return shutil.which(name) is not None


@contextmanager
def proxy(name: str, target: int, folder: Path) -> Iterator[int]:
    """The port of a proxy for the server at port `target` of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    text, command = PROXIES[name]
    configuration = folder / name
    configuration.write_text(text.format(folder=folder, port=port, target=target))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, str(configuration)], stdout=log, stderr=log)
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()
