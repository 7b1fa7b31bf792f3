"""Proxies as the examples configure them, over https, and how a site behind one is asked.

A proxy runs with its example as it stands, but for ports, certificates and places of files. Where
its program is not installed, the test is skipped.
"""

import http.client
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import closing, contextmanager, suppress

import pytest

from tests.cli.commandline import environ
from tests.server.collector import PATIENCE, Answer

NAME = "logs.example.com"


def lines_of(path):
    """Return the text of an example without its comments."""
    text = path.read_text()
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def needed(program):
    """Skip a test where a program is not there."""
    if not shutil.which(program):
        pytest.skip(f"there is no {program} here")


def checked(program, *arguments, **variables):
    """Let a program say what is wrong with its configuration."""
    needed(program)
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, env=environ(**variables)
    )
    return done.returncode, done.stdout + done.stderr


class Caddy:
    """Runs the Caddyfile of the examples; the certificate is of its own making."""

    program = "caddy"
    up = "added certificate to cache"
    certificate = "caddy/pki/authorities/local/root.crt"
    kept = ("reverse_proxy ", "reverse_proxy /agentlog/* ")
    stripped = ("(reverse_proxy .*)", r"handle_path /agentlog/* {\n\1\n}")

    @staticmethod
    def command(directory, example, port):
        """Return how it is started."""
        (directory / "Caddyfile").write_text(
            f"{{\nadmin off\ndebug\nskip_install_trust\nlocal_certs\nauto_https disable_redirects\n"
            f"https_port {port}\ndefault_bind 127.0.0.1\nservers {{\nprotocols h1 h2\n}}\n"
            f"storage file_system {directory}/caddy\n}}\n{example}"
        )
        config = str(directory / "Caddyfile")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", config]


class Nginx:
    """Runs the nginx.conf of the examples, in one process, with a certificate of its own."""

    program = "nginx"
    up = "epoll"
    certificate = "cert.pem"
    kept = ("location / ", "location /agentlog/ ")
    stripped = (r"location / ((?s:.*)proxy_pass [^;]*);", r"location /agentlog/ \1/;")

    @staticmethod
    def command(directory, example, port):
        """Return how it is started."""
        cert, key = str(directory / "cert.pem"), str(directory / "key.pem")
        make = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
        names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        done = subprocess.run(
            ["openssl", *make.split(), *names, "-keyout", key, "-out", cert],
            capture_output=True,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        example = example.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
        example = example.replace(f"/etc/ssl/{NAME}.pem", cert).replace(f"/etc/ssl/{NAME}.key", key)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
        (directory / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {directory}/pid; error_log stderr notice;"
            f" events {{}} http {{ access_log off; {places} {example} }}"
        )
        return ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")]


PROXIES = {"Caddyfile": Caddy, "nginx.conf": Nginx}


class Site:
    """A proxy in front of a collector, and how it is asked."""

    def __init__(self, port, certificate):
        self.port = port
        self.certificate = certificate
        self.origin = f"https://{NAME}:{port}"
        self._context = ssl.create_default_context(cafile=certificate)

    def connection(self):
        """Return a connection to the proxy by its name, whatever that stands for elsewhere."""
        connection = http.client.HTTPSConnection(NAME, self.port, context=self._context)
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        connection.sock = self._context.wrap_socket(plain, server_hostname=NAME)
        return connection

    def ask(self, method, path, body=None, key=None, **headers):
        """Ask the collector through it."""
        given = {"Authorization": f"Bearer {key}"} if key else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self.connection()) as connection:
            with suppress(OSError):  # who says 413 at once need not read to the end
                connection.request(method, path, body, {**given, **named})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def post(self, body, key, **headers):
        """Ship a body."""
        headers.setdefault("Content_Type", "application/json")
        return self.ask("POST", "/v1/events", body, key, **headers)


@contextmanager
def running(proxy, example, directory):
    """Run a proxy with the text of an example, for a block."""
    needed(proxy.program)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory.mkdir(exist_ok=True)
    command = proxy.command(directory, example, port)
    variables = environ(HOME=str(directory), XDG_DATA_HOME=str(directory))
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        said = []
        rest = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
        try:
            said.extend(lines_until(process.stderr, proxy.up))
            rest.start()
            yield Site(port, directory / proxy.certificate)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            if rest.ident:
                rest.join(PATIENCE)


def lines_until(stream, sign):
    """Yield lines up to the one with a sign; fail if it does not come."""
    lines = []
    for line in stream:
        lines.append(line)
        yield line
        if sign in line:
            return
    raise AssertionError(f"it did not start: {''.join(lines)}")
