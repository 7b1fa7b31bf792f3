"""A collector that keeps nothing: the other end of what shipping.py measures.

It is a process of its own, and takes a batch with as little work as can be, so that the figures are
the shipper's. But it counts what is really there: the body is decompressed, each record has one
`session_id`, and the serial number that programs.py gives a record is marked, so that a record that
came twice is not taken for one that is lost. What comes as OTLP is answered as such, and its spans
are counted by those numbers.

It binds a port of loopback, prints it, and refuses connections until a line comes on its standard
input; so a backlog can be written against an endpoint that is down. It ends with that input, and so
with whoever started it.
"""

import json
import re
import socketserver
import sys
import threading
import time
import zlib

RECORD = b'"session_id":"'
SERIAL = re.compile(rb'"serial":(\d+)')
SPANS = b"/v1/traces"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Connection(socketserver.StreamRequestHandler):
    """Answers one request after the other, as long as the client stays."""

    disable_nagle_algorithm = True
    server: "Sink"

    def handle(self):
        while request := self.rfile.readline():
            body = self.rfile.read(self._length())
            if SPANS in request:
                self.server.take(body)
                self.wfile.write(TAKEN)
                continue
            answer = self.server.take(body) if request.startswith(b"POST") else self.server.totals()
            content = json.dumps(answer).encode()
            self.wfile.write(HEAD % len(content) + content)

    def _length(self):
        """Read the headers; return the length of the body that follows."""
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return length


class Sink(socketserver.ThreadingTCPServer):
    """Counts the records of batches."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection, bind_and_activate=False)
        self.server_bind()
        self._counting = threading.Lock()
        self._records = self._batches = 0
        self._seen = bytearray()

    def take(self, body):
        """Count a batch; return its receipt."""
        text = zlib.decompress(body, zlib.MAX_WBITS | 16)
        records = text.count(RECORD)
        with self._counting:
            self._records += records
            self._batches += 1
            self._mark([int(serial) for serial in SERIAL.findall(text)])
        return {"accepted": records, "refused": []}

    def totals(self):
        """Return what has come, and the CPU seconds that it took here."""
        return {
            "records": self._records,
            "serials": self._seen.count(1),
            "batches": self._batches,
            "cpu": time.process_time(),
        }

    def _mark(self, serials):
        missing = max(serials, default=0) + 1 - len(self._seen)
        if missing > 0:
            self._seen.extend(bytes(missing))
        for serial in serials:
            self._seen[serial] = 1


def main():
    with Sink() as sink:
        print(sink.server_address[1], flush=True)
        if not sys.stdin.readline():
            return
        sink.server_activate()
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        sys.stdin.read()
        sink.shutdown()


if __name__ == "__main__":
    main()
