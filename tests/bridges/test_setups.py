"""What the set-up pages of docs/how-to promise beside their blocks, which tests/test_docs.py runs.

Many workers, forked and spawned; how a server's process ends; a failing view; OpenTelemetry in any
order. The servers are real ones, on a free port of the loopback.
"""

import os
import re
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request

import pytest
import structlog
from opentelemetry.instrumentation.structlog import StructlogInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import agentlog as ao
from tests.scripts import recorded, run, well
from tests.warm import PLAIN

UVICORN = """\
    import agentlog as ao, logging
    ao.init()
    log = logging.getLogger("web")

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            log.error("loaded")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            CLOSE
            await send({"type": "lifespan.shutdown.complete"})
            return
        async with ao.session(tags=["web"]):
            log.error("answered")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""
SERVE = """\
    import copy, sys, uvicorn
    from rules import chosen
    from uvicorn.config import LOGGING_CONFIG

    LOGGING = copy.deepcopy(LOGGING_CONFIG)
    LOGGING["handlers"]["events"] = {"()": "agentlog.EventHandler", "select": chosen}
    LOGGING["root"] = {"handlers": ["events"], "level": "INFO"}

    if __name__ == "__main__":
        uvicorn.run("app:app", port=0, log_config=LOGGING, workers=int(sys.argv[1]))
"""
GUNICORN = """\
    import agentlog as ao, logging
    ao.init()
    log = logging.getLogger("web")
    log.error("loaded")

    def app(environ, start_response):
        log.error("answered")
        start_response("200 OK", [])
        return [b""]
"""
GUNICORN_CONFIG = """\
    bind = "127.0.0.1:0"
    logconfig_dict = {
        "version": 1,
        "handlers": {
            "console": {"class": "logging.StreamHandler"},
            "events": {"()": "agentlog.EventHandler", "select": "ext://rules.chosen"},
        },
        "root": {"handlers": ["console", "events"], "level": "INFO"},
        "loggers": {
            "gunicorn.error": {"propagate": True},
            "gunicorn.access": {"handlers": ["console"], "propagate": False},
        },
    }
"""
RULES = """\
    import agentlog as ao
    chosen = ao.select.level("error")
"""
FROM_FILE = """\
    import logging.config, json, sys
    import agentlog as ao

    ao.init()
    before = logging.getLogger("before")
    if sys.argv[1].endswith(".ini"):
        logging.config.fileConfig(sys.argv[1])
    else:
        with open(sys.argv[1], "rb") as file:
            logging.config.dictConfig(json.load(file))
    with ao.session():
        logging.info("opened the index")
        logging.getLogger("apart").error("page is missing")
        before.error("no page left")
"""
JSON = """\
    {
        "version": 1,
        "handlers": {"events": {"()": "agentlog.EventHandler", "select": "ext://rules.chosen"}},
        "loggers": {"apart": {"handlers": ["events"]}},
        "root": {"handlers": ["events"], "level": "INFO"}
    }
"""
INI = """\
    [loggers]
    keys=root,apart
    [handlers]
    keys=events
    [formatters]
    keys=
    [logger_root]
    handlers=events
    level=INFO
    [logger_apart]
    qualname=apart
    handlers=events
    [handler_events]
    class=agentlog.EventHandler
    kwargs={"select": __import__("rules").chosen}
"""
DJANGO = """\
    import logging, sys
    import agentlog as ao
    import django
    from django.apps import AppConfig
    from django.conf import settings
    from django.test import Client
    from django.urls import path

    class WebConfig(AppConfig):
        name = "__main__"
        path = "."
        default = True

        def ready(self):
            ao.init()

    settings.configure(
        ROOT_URLCONF="__main__",
        INSTALLED_APPS=["__main__.WebConfig"],
        ALLOWED_HOSTS=["localhost"],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"events": {"()": "agentlog.EventHandler"}},
            LOGGERS
        },
    )

    def answer(request):
        with ao.session():
            logging.getLogger("web").info("opened the index")
            raise LookupError("no page")

    urlpatterns = [path("answer/", answer)]
    django.setup()
    if sys.argv[1:]:
        client = Client(SERVER_NAME="localhost", raise_request_exception=False)
        for address in sys.argv[1:]:
            client.get(address)
"""
LOGGERS = {
    "at the root": """"root": {"handlers": ["events"], "level": "INFO"}""",
    "at the app's logger": """"loggers": {
        "web": {"handlers": ["events"], "level": "INFO", "propagate": False}
    }""",
}


def ask(address):
    """Ask a server that may have to begin to listen."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return urllib.request.urlopen(address, timeout=10).close()
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise


def served(directory, command, **files):
    """Start a server in a directory with these files, ask it once, stop it; its pid and output."""
    for name, source in files.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, *command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": PLAIN, "AGENTLOG_HOME": str(directory / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    with server:
        said = []
        try:
            for line in server.stdout:
                said.append(line)
                if address := re.search(r"http://[\d.:]+", line):
                    ask(address[0])
                    server.terminate()
        except BaseException:
            server.kill()
            raise
    assert "AgentlogWarning" not in "".join(said)
    return server.pid, "".join(said)


def served_by_uvicorn(directory, workers, close="pass"):
    """Serve the app of this file with uvicorn; the pid, and what was recorded."""
    app = UVICORN.replace("CLOSE", close)
    command = ["serve.py", str(workers)]
    pid, said = served(directory, command, app=app, serve=SERVE, rules=RULES)
    captured = recorded(directory)
    assert captured.sessions, said
    return pid, captured


def served_by_gunicorn(directory, *options):
    """Serve the app of this file with one worker of gunicorn; the pid, and what was recorded."""
    (directory / "conf.py").write_text(textwrap.dedent(GUNICORN_CONFIG), encoding="utf-8")
    command = ["-m", "gunicorn", "--config", "conf.py", *options, "app:app"]
    pid, said = served(directory, command, app=GUNICORN, rules=RULES)
    captured = recorded(directory)
    assert captured.sessions, said
    return pid, captured


def test_spawned_workers_of_uvicorn_record_by_a_rule(tmp_path):
    """The log config is pickled for the workers, with the rule; the run of a request is whole."""
    pid, captured = served_by_uvicorn(tmp_path, 2, close="ao.close()")
    (of_request,) = [one for one in captured.sessions if one.get("tags")]
    assert pid != of_request["process"]["pid"]
    assert "Success" == of_request["result"]
    assert of_request["session_id"] == captured.one("answered")["session_id"]


def test_uvicorn_leaves_by_a_signal_and_the_session_of_the_process_stays_open(tmp_path):
    """No exit handler runs then; the session of a request is closed nevertheless."""
    _, captured = served_by_uvicorn(tmp_path, 1)
    of_process, of_request = captured.sessions
    assert captured.one("loaded")["session_id"] == of_process["session_id"]
    assert "result" not in of_process
    assert "Success" == of_request["result"]


def test_a_lifespan_that_closes_the_client_ends_the_session_of_the_process(tmp_path):
    """With `ao.close()` at shutdown it is like any other end of a process."""
    _, captured = served_by_uvicorn(tmp_path, 1, close="ao.close()")
    assert "exit" == captured.sessions[0]["reason"]


def test_a_worker_of_gunicorn_has_a_session_of_its_own_and_ends_it(tmp_path):
    """Without `--preload` each worker imports the app, and `init` runs in it."""
    pid, captured = served_by_gunicorn(tmp_path)
    (session,) = captured.sessions
    assert ["loaded", "answered"] == captured.names()
    assert pid != session["process"]["pid"]
    assert "exit" == session["reason"]


def test_workers_of_gunicorn_share_the_session_that_the_master_has_opened(tmp_path):
    """With `--preload` a line that is chosen while the app is loaded is the master's."""
    pid, captured = served_by_gunicorn(tmp_path, "--preload")
    (session,) = captured.sessions
    assert {"loaded", "answered"} == set(captured.names())
    assert pid == session["process"]["pid"]
    assert "exit" == session["reason"]


@pytest.mark.parametrize("name", ["log.json", "log.ini"])
def test_a_file_names_the_rule(tmp_path, name):
    """A line that meets the handler twice is one event; a logger made before has none."""
    (tmp_path / "rules.py").write_text(textwrap.dedent(RULES), encoding="utf-8")
    file = tmp_path / name
    file.write_text(textwrap.dedent(INI if name == "log.ini" else JSON), encoding="utf-8")
    captured = well(run(tmp_path, FROM_FILE, str(file)))
    assert ["page is missing"] == captured.names()


@pytest.mark.parametrize("loggers", LOGGERS.values(), ids=LOGGERS)
def test_a_view_of_django_that_raises_fails_its_session_and_nothing_else(tmp_path, loggers):
    """What Django says of a failing or a missing page is no event; the line before it is kept."""
    captured = well(run(tmp_path, DJANGO.replace("LOGGERS", loggers), "/answer/", "/nowhere/"))
    (session,) = captured.sessions
    assert [] == captured.events
    assert "Fail" == session["result"]
    assert "LookupError" == session["error"]["type"]
    assert ["opened the index"] == [line["event"] for line in session["log"]]


def test_a_django_that_records_nothing_writes_nothing(tmp_path):
    """`init` in `ready` costs the commands of manage.py nothing."""
    well(run(tmp_path, DJANGO.replace("LOGGERS", LOGGERS["at the root"])))
    assert not (tmp_path / "home").exists()


@pytest.fixture
def exported():
    """The records that OpenTelemetry exports, and the instrumentor's `instrument`."""
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    instrumentor = StructlogInstrumentor()
    yield exporter, lambda: instrumentor.instrument(logger_provider=provider)
    instrumentor.uninstrument()
    structlog.reset_defaults()


def configure(*processors):
    """Configure structlog with these processors."""
    structlog.configure([*processors, structlog.processors.JSONRenderer()])


ORDERS = {
    "before configure": lambda instrument: (instrument(), configure(ao.EventProcessor())),
    "after configure": lambda instrument: (configure(ao.EventProcessor()), instrument()),
    "after install": lambda instrument: (configure(), ao.install(), instrument()),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_opentelemetry_exports_each_line_once_and_with_its_ids(order, exported, agentlog_events):
    """The marker is off and the ids are on, whenever the instrumentor comes."""
    exporter, instrument = exported
    order(instrument)
    log = structlog.get_logger()
    log.info("opened")
    log.info("found", agentlog=True)
    event = agentlog_events.one("found")
    ids = {
        "session_id": event["session_id"],
        "event_id": event["id"],
        "parent_id": event["parent_id"],
    }
    assert ["found"] == agentlog_events.names()
    records = [one.log_record for one in exporter.get_finished_logs()]
    assert [("opened", {}), ("found", ids)] == [(one.body, {**one.attributes}) for one in records]
