"""The engine of ClickHouse as a server: chDB behind what agentlog speaks of its HTTP interface.

    python tests/store/chdb_server.py DIRECTORY [--port 0] [--password TEXT] [--log FILE]

It is a process of its own: several collectors may share it, and it may be killed and started again
over the same directory. It prints its port in one line as soon as it answers. With `--log` each
statement that it was asked becomes a line of that file. With `--cluster NAME` it is one of two
replicas, the other of which is away. With `--grant "GRANT ... ON ..."` only that may be done.

The engine is the real one. What is made up is the door, after
https://clickhouse.com/docs/interfaces/http: statements in the address or the body, settings and
`param_*` in the address, bodies that are compressed, errors by their codes.
"""

import argparse
import base64
import email
import gzip
import json
import queue
import re
import sys
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

_INSERT = re.compile(
    rb"\s*(INSERT\s+INTO\s.*?)\bFORMAT\s+(\w+)(?:\n|\s|$)", re.IGNORECASE | re.DOTALL
)
_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")

# Tables remember what was inserted, as replicated ones and those of a service do: of two equal
# inserts they drop one, unless whoever inserts has said not to.
_CONFIG = """<clickhouse>
    <merge_tree>
        <non_replicated_deduplication_window>1000</non_replicated_deduplication_window>
    </merge_tree>{more}
</clickhouse>"""

# One server of a cluster: its tables are Distributed over itself. Another replica is always away:
# no statement for all servers is done in time. What lies below is not replicated, as that takes a
# Keeper.
_CLUSTER = """
    <tcp_port>9000</tcp_port>
    <remote_servers><{name}><shard>
        <internal_replication>true</internal_replication>
        <replica><host>localhost</host><port>9000</port></replica>
        <replica><host>127.0.0.1</host><port>1</port></replica>
    </shard></{name}></remote_servers>"""

# Who asks may do what was granted, and nothing else; he may say which database he means.
_USERS = """<clickhouse>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users><default>
        <password/><networks><ip>::/0</ip></networks><profile>default</profile>
        <grants><query>GRANT SHOW DATABASES ON *.*</query>{grants}</grants>
    </default></users>
</clickhouse>"""

_REPLICATED = re.compile(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'\)")
_FOR_ALL = re.compile(r"\sON CLUSTER `[^`]+`")

# What the address has beside settings; the rest are settings, as with the real one.
_NO_SETTINGS = {
    "query",
    "database",
    "default_format",
    "user",
    "password",
    "session_id",
    "query_id",
    "client_protocol_version",
    "compress",
    "decompress",
    "enable_http_compression",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "wait_end_of_query",
    "role",
}
# http_max_field_value_size, as it usually is: bytes as they come, in an address with their escapes.
# An address may be of 1 MiB there; here http.server refuses one of 64 KiB.
_MOST_OF_FIELD = 1 << 17
_WRONG_PASSWORD = 516
_STATUS = {60: 404, 81: 404, 62: 400, _WRONG_PASSWORD: 403, 252: 500}


class _TroubleError(Exception):
    """What the engine says is wrong, or the door."""

    def __init__(self, text, code=None):
        super().__init__(text)
        found = _CODE.search(text)
        self.code = code or (int(found[1]) if found else 1002)


class Engine:
    """chDB over one directory; as many statements at once as there are connections."""

    def __init__(self, directory, cluster=None, grants=()):
        import chdb

        config, users = directory / "config.xml", directory / "users.xml"
        directory.mkdir(parents=True, exist_ok=True)
        more = _CLUSTER.format(name=cluster) if cluster else ""
        if grants:
            granted = "".join(f"<query>{grant}</query>" for grant in grants)
            users.write_text(_USERS.format(grants=granted))
            more += f"<users_config>{users}</users_config>"
        config.write_text(_CONFIG.format(more=more))
        where = f"{directory}?config-file={config}"
        self.cluster = cluster
        self._connect = lambda: _Connection(chdb.connect(where))
        self._first = self._connect()  # the engine lives as long as one connection
        self._free = queue.LifoQueue()

    @contextmanager
    def connection(self):
        """Have a connection for oneself."""
        try:
            connection = self._free.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._free.put(connection)


class _Connection:
    """One of them; it remembers which settings and database it has."""

    def __init__(self, chdb):
        self._chdb = chdb
        self._settings = {}
        self._usual = {}
        self._database = "default"

    def prepare(self, database, settings):
        """Take a database, and these settings and no others."""
        for name in settings.keys() - self._usual.keys():
            self._usual[name] = self._asked(
                f"SELECT value FROM system.settings WHERE name = '{name}'"
            )
        wanted = self._usual | settings
        for name in wanted:
            if wanted[name] != self._settings.get(name, self._usual[name]):
                quoted = wanted[name].replace("\\", "\\\\").replace("'", "\\'")
                self._asked(f"SET {name} = '{quoted}'")
        self._settings = wanted
        if database != self._database:
            self._asked(f"USE `{database}`")
            self._database = database

    def select(self, statement, form, params):
        """Execute a statement; return what it says, in a format."""
        return self._query(statement, form, params).bytes()

    def insert(self, statement, form, body):
        """Insert what a body has in a format; return how many rows it was."""
        with _told():
            rows = self._chdb.send_insert(statement, form)
            try:
                rows.append(body)
            except BaseException:
                rows.cancel()
                raise
            return rows.finish().rows_written

    def _asked(self, statement):
        return self._query(statement, "TabSeparatedRaw").bytes().decode().rstrip("\n")

    def _query(self, statement, form, params=None):
        with _told():
            return self._chdb.query(statement, form, params=params or {})


@contextmanager
def _told():
    try:
        yield
    except Exception as error:
        raise _TroubleError(str(error)) from error


def _of_one_server(statement, settings):
    """Return what a statement is for one server of a cluster."""
    here, is_for_all = _FOR_ALL.subn("", statement)
    if is_for_all and settings.get("distributed_ddl_output_mode") != "null_status_on_timeout":
        raise _TroubleError("Code: 159. DB::Exception: Distributed DDL task is not finished")
    return _REPLICATED.sub(r"ENGINE = \1", here)


class Door(BaseHTTPRequestHandler):
    """A connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        """Answer who only looks: /ping, or a statement in the address."""
        if self.path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self):
        """Answer a statement."""
        body = self._body()
        query = urlsplit(self.path).query
        asked = dict(parse_qsl(query, keep_blank_values=True))
        sizes = [len(field) for field in re.findall(r"=([^&]*)", query)]
        if self.headers.get_content_type() == "multipart/form-data":  # where there is much to ask
            form = _form(self.headers["Content-Type"], body)
            sizes += [len(value.encode()) for value in form.values()]
            asked |= form
            body = b""
        try:
            if max(sizes, default=0) > _MOST_OF_FIELD:
                raise _TroubleError("Code: 1000. DB::Exception: Field value too long")
            self._check_password()
            said, rows = self._said(asked, body)
        except _TroubleError as trouble:
            status = _STATUS.get(trouble.code, 500)
            self._answer(status, str(trouble).encode(), {"Exception-Code": trouble.code})
        else:
            self._answer(200, said, {"Summary": json.dumps({"written_rows": str(rows)})})

    def _said(self, asked, body):
        if "query" in asked:
            body = asked["query"].encode() + b"\n" + body
        settings = {
            name: value
            for name, value in asked.items()
            if name not in _NO_SETTINGS and not name.startswith("param_")
        }
        self.server.note(body, settings)
        params = {
            name.removeprefix("param_"): value
            for name, value in asked.items()
            if name.startswith("param_")
        }
        with self.server.engine.connection() as connection:
            connection.prepare(asked.get("database") or "default", settings)
            found = _INSERT.match(body)
            if found:
                return b"", connection.insert(
                    found[1].decode(), found[2].decode(), body[found.end() :]
                )
            statement = body.decode().strip()
            if self.server.engine.cluster:
                statement = _of_one_server(statement, settings)
            form = _FORMAT.search(statement)
            statement = statement[: form.start()] if form else statement
            form = form[1] if form else asked.get("default_format", "TabSeparated")
            return connection.select(statement, form, params), 0

    def _body(self):
        raw = (
            self.rfile.read(int(self.headers["Content-Length"]))
            if ("Content-Length" in self.headers)
            else b"".join(self._chunks())
        )
        return _unpacked(raw, self.headers.get("Content-Encoding"))

    def _chunks(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _check_password(self):
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        password = base64.b64decode(given).decode().partition(":")[2]
        if password != self.server.password:
            raise _TroubleError("Code: 516. DB::Exception: Authentication failed")

    def _answer(self, status, said, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        for name, value in dict(headers).items():
            self.send_header(f"X-ClickHouse-{name}", str(value))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        """Print nothing of what is asked."""


def _form(kind, body):
    parts = email.message_from_bytes(f"Content-Type: {kind}\n\n".encode() + body)
    return {
        part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True).decode()
        for part in parts.get_payload()
    }


def _frames(raw):
    """Yield what is in the frames of LZ4: a client makes one of each block."""
    import lz4.frame

    while raw:
        frame = lz4.frame.LZ4FrameDecompressor()
        yield frame.decompress(raw)
        if not frame.eof:
            raise _TroubleError("Code: 432. DB::Exception: the body is cut off")
        raw = frame.unused_data


def _unpacked(raw, how):
    if how == "lz4":
        return b"".join(_frames(raw))
    if how == "gzip":
        return gzip.decompress(raw)
    if how == "deflate":
        return zlib.decompress(raw)
    assert how is None, f"{how} is not unpacked here"
    return raw


class Server(ThreadingHTTPServer):
    """The engine, and who may ask it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, engine, password, log):
        super().__init__(("127.0.0.1", port), Door)
        self.engine, self.password = engine, password
        self._log = log and log.open("a", encoding="utf-8")

    def note(self, body, settings):
        """Write down what was asked: without the rows that it brings along, with its settings."""
        if self._log:
            found = _INSERT.match(body)
            statement = (found[1] if found else body).decode().strip()
            said = ", ".join(f"{name}={value}" for name, value in settings.items())
            self._log.write(json.dumps(f"{statement} -- {said}") + "\n")
            self._log.flush()


def main():
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--password", default="")
    parser.add_argument("--cluster")
    parser.add_argument("--grant", action="append")
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    engine = Engine(given.directory, given.cluster, given.grant)
    server = Server(given.port, engine, given.password, given.log)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
