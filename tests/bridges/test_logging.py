"""The handler for plain logging: a LogRecord is read as a line, and nothing of it is changed."""

import logging
import logging.config
import sys
import threading
import warnings
from contextlib import suppress

import pytest
import structlog

import agentlog as ao
from agentlog import AgentlogWarning, ConfigurationError, EventHandler
from agentlog.recording import context
from agentlog.testing import ManualClock, capture_events
from tests.scripts import run, well


@pytest.fixture
def log():
    """A logger that nobody else has a handler on."""
    return logging.Logger("agent.search", logging.DEBUG)  # noqa: LOG001 - one of its own


@pytest.fixture
def handler(log):
    """A handler on that logger."""
    handler = EventHandler()
    log.addHandler(handler)
    return handler


MARK = {"agentlog": True}


# -- What of the record goes where -----------------------------------------------------------------


def test_the_message_is_the_event_and_extra_are_its_keys(captured, log, handler):
    """Every field of a line can be given by `extra`; the rest of it are params."""
    extra = {
        "event_type": "search",
        "action_type": "tool",
        "result": "Success",
        "returns": [1],
        "tags": ["a"],
        "query": "owls",
    }
    log.info("found %d in %s", 3, "docs", extra=extra)
    event = captured.one("search")
    assert {"event": "found 3 in docs", "query": "owls"} == event["params"]
    assert ("tool", "Success", [1], ["a"]) == tuple(
        event[key] for key in ("action_type", "result", "returns", "tags")
    )
    assert ("info", log.name) == (event["level"], event["logger"])


def test_a_marked_line_is_an_event_of_its_own_name(captured, log, handler):
    """Without `event_type` the message names the event; the marker is no param."""
    log.warning("gave up after %s", "3 tries", extra=MARK)
    event = captured.one("gave up after 3 tries")
    assert {} == event.get("params", {})
    assert ("log", "Indeterminate") == (event["action_type"], event["result"])


def test_the_call_site_is_its_source(captured, log, handler):
    """File and line are those of the caller."""
    log.info("here", extra=MARK)
    line = sys._getframe().f_lineno - 1
    assert f"{__file__}:{line}" == captured.one("here")["source"]


def test_keys_of_extra_that_are_fields_of_a_line_win(captured, log, handler):
    """`level`, `logger` and a number as `timestamp` say what the record says otherwise."""
    extra = {"level": "error", "logger": "other", "timestamp": 12.5, "event": "mine", **MARK}
    log.info("text", extra=extra)
    event = captured.one("text")
    assert ("error", "other", 12.5, "Fail") == tuple(
        event[key] for key in ("level", "logger", "timestamp", "result")
    )
    assert {"event (2)": "mine"} == event["params"]


@pytest.mark.parametrize(
    ("message", "arguments", "name", "params"),
    [
        ("%d files", (3,), "3 files", {}),
        ("%(n)d files", ({"n": 3},), "3 files", {}),
        ("100%", (), "100%", {}),
        ("%d files", ("many",), "%d files", {"args": ["many"]}),
        ("no place", (1, 2), "no place", {"args": [1, 2]}),
        ("%s", (), "%s", {}),
        (3, (), "3", {}),
        ({"a": 1}, (), "{'a': 1}", {}),
        (None, (), "None", {}),
        ("", (), "log", {}),
        (
            "\x1b[1m\x1b[31mred\x1b[0m and \x1b]8;;http://a\x07link\x1b]8;;\x07",
            (),
            "red and link",
            {},
        ),
        ("\x1b[2m2026\x1b[0m [\x1b[32m\x1b[1minfo     \x1b[0m] hi", (), "2026 [info     ] hi", {}),
    ],
)
def test_messages(captured, log, handler, capsys, message, arguments, name, params):
    """Arguments are put in, escapes are taken out; arguments that do not fit become a param."""
    log.info(message, *arguments, extra=MARK)
    event = captured.one(name)
    assert params == event.get("params", {})
    assert ("", "") == capsys.readouterr()


def test_an_exception_is_its_error(captured, log, handler):
    """By `exc_info` in every form, and by the text that a formatter or a queue has left."""
    try:
        raise ValueError("bad")
    except ValueError as error:
        log.exception("one", extra=MARK)
        log.info("two", exc_info=error, extra=MARK)
        log.info("three", exc_info=sys.exc_info(), extra=MARK)
    log.info("four", exc_info=True, extra=MARK)  # noqa: LOG014 - nothing is there
    record = log.makeRecord(log.name, 40, __file__, 1, "five", (), None, extra=MARK)
    record.exc_text = "Traceback (most recent call last):\n  File x\nValueError: bad"
    log.handle(record)
    for name in ("one", "two", "three", "five"):
        error = captured.one(name)["error"]
        assert ("ValueError", "bad") == (error["type"], error["message"])
    assert "error" not in captured.one("four")
    assert ("Fail", "Indeterminate") == (
        captured.one("one")["result"],
        captured.one("two")["result"],
    )


@pytest.mark.parametrize(
    ("number", "name", "level", "result"),
    [
        (logging.ERROR, None, "error", "Fail"),
        (logging.CRITICAL, None, "critical", "Fail"),
        (45, None, "level 45", "Fail"),
        (25, None, "level 25", "Indeterminate"),
        (47, "ALERT", "alert", "Fail"),
        (5, "TRACE", "trace", "Indeterminate"),
    ],
)
def test_levels(captured, log, handler, monkeypatch, number, name, level, result):
    """From error up a line is a failure, also at a level that the program has made."""
    log.setLevel(1)
    monkeypatch.setattr(logging, "_levelToName", dict(logging._levelToName))
    monkeypatch.setattr(logging, "_nameToLevel", dict(logging._nameToLevel))
    if name:
        logging.addLevelName(number, name)
    log.log(number, "line", extra=MARK)
    event = captured.one("line")
    assert (level, result) == (event["level"], event["result"])
    log.handlers[:] = [EventHandler(select=ao.select.level(name or "error"))]
    log.log(number, "chosen")
    assert (name is not None or number >= logging.ERROR) == ("chosen" in captured.names())


@pytest.mark.parametrize(("extra", "time"), [({}, 1_700_000_000.25), ({"timestamp": 0.0}, 0.0)])
def test_a_record_has_its_own_time(captured, log, handler, extra, time):
    """What waited in a queue happened when it was logged, unless the line has a time itself."""
    record = log.makeRecord(log.name, 20, __file__, 1, "late", (), None, extra={**MARK, **extra})
    record.created = 1_700_000_000.25
    log.handle(record)
    assert time == captured.one("late")["timestamp"]


def test_with_a_clock_that_is_turned_it_has_the_clocks_time(log):
    """In a test with a manual clock, lines are of the time that the test says."""
    clock = ManualClock(100.0)
    with capture_events(clock=clock) as captured:
        log.addHandler(EventHandler())
        log.info("now", extra=MARK)
    assert 100.0 == captured.one("now")["timestamp"]


def test_the_record_is_not_changed(captured, log, handler):
    """Other handlers see what was logged, the marker and all."""
    seen = []
    after = logging.Handler()
    after.emit = lambda record: seen.append(dict(vars(record)))
    before = logging.Handler()
    before.emit = after.emit
    log.handlers[:] = [before, handler, after]
    log.error("%s", "a", exc_info=ValueError("b"), extra={**MARK, "n": [1]})
    assert ["a"] == captured.names()
    assert seen[0] == seen[1]


# -- Which records ---------------------------------------------------------------------------------


def test_only_what_is_chosen_is_an_event(captured, log, handler):
    """By default what carries `event_type` or `action_type`; the marker wins, both ways."""
    log.info("one")
    log.info("two", extra={"action_type": "tool"})
    log.info("three", extra={"event_type": "search"})
    log.info("four", extra={"event_type": "search", "agentlog": False})
    log.info("five", extra=MARK)
    log.info("six", extra={"agentlog": "yes"})
    assert ["two", "search", "five"] == captured.names()


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (ao.select.level("warning"), ["b", "c"]),
        (ao.select.event("a*"), ["a"]),
        (ao.select.logger("agent.*") & ~ao.select.has("n"), ["a", "c"]),
        (lambda logger, method, line: method == "info", ["a"]),
        (lambda logger, method, line: line["_record"].levelno == 40, ["c"]),
    ],
)
def test_rules_see_a_record_as_a_line(captured, log, rule, names):
    """The same rules are for lines of structlog and of plain logging."""
    log.addHandler(EventHandler(select=rule))
    log.info("a")
    log.warning("b", extra={"n": 1})
    log.error("c")
    assert names == captured.names()


def test_a_rule_that_raises_selects_nothing(captured, log):
    """It says so once, and the log goes on."""
    log.addHandler(EventHandler(select=lambda *line: 1 / 0))
    with pytest.warns(AgentlogWarning, match="ZeroDivisionError"):
        log.info("a")
    log.info("b")
    assert [] == captured.names()


def test_lines_that_are_not_chosen_are_remembered_for_a_failure(captured, log, handler):
    """With their time, level, logger and values, and nothing of the record's machinery."""
    with suppress(ValueError), captured.client.action("failing"):
        log.info("opening %s", "a.md", extra={"size": 3})
        raise ValueError
    (line,) = captured.one("failing")["log"]
    assert line.pop("timestamp")
    assert {"level": "info", "logger": log.name, "event": "opening a.md", "size": 3} == line


@pytest.mark.parametrize("most", [0, 1, 3])
def test_as_many_as_asked_for(captured, log, most):
    """`breadcrumbs` says how many lines are remembered."""
    log.addHandler(EventHandler(breadcrumbs=most))
    with suppress(ValueError), captured.client.action("failing"):
        for number in range(5):
            log.info("line %d", number)
        raise ValueError
    remembered = [line["event"] for line in captured.one("failing").get("log", [])]
    assert [f"line {number}" for number in range(5)][5 - most :] == remembered


@pytest.mark.parametrize("name", ["agentlog", "agentlog.shipping"])
def test_agentlogs_own_lines_are_nobodys_events(captured, handler, name):
    """What agentlog says is not what the agent did."""
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.error("text", extra=MARK)
    logger.removeHandler(handler)
    assert [] == captured.names()


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "requests"])
def test_what_libraries_log_while_they_work_for_agentlog_is_none_either(captured, handler, name):
    """In agentlog's own thread they are silent; in the program's they are as chosen."""
    logger = logging.getLogger(name)
    logger.addHandler(handler)

    def work_of_our_own():
        context.own_work.set(True)
        logger.error("ours", extra=MARK)

    thread = threading.Thread(target=work_of_our_own)
    thread.start()
    thread.join()
    logger.error("the program's", extra=MARK)
    logger.removeHandler(handler)
    assert ["the program's"] == captured.names()


# -- Nothing raises --------------------------------------------------------------------------------


class Hostile:
    """A value with which nothing can be done."""

    def __str__(self):
        raise SystemExit(3)

    __repr__ = __eq__ = __hash__ = __len__ = __bool__ = __str__


@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        (Hostile(), (), {}),
        ("%s", (Hostile(),), {}),
        ("a", (), {"b": Hostile()}),
        ("a", (), {"event_type": Hostile(), "action_type": Hostile(), "level": Hostile()}),
        ("a", (), {"params": Hostile(), "tags": Hostile(), "exc_info_": Hostile()}),
        ("\ud800", (), {"\ud800": "\ud800"}),
    ],
)
def test_hostile_values(captured, log, handler, capsys, message, arguments, extra):
    """A value whose own code fails does no harm, and its line is an event all the same."""
    log.info(message, *arguments, extra={**extra, **MARK})
    assert 1 == len(captured.events)
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("missing", ["relativeCreated", "pathname", "thread", "levelno", "created"])
def test_a_record_that_lacks_something(captured, log, handler, capsys, missing):
    """Records are made by others too, and not always whole."""
    record = log.makeRecord(log.name, 20, __file__, 1, "odd", (), None, extra=MARK)
    delattr(record, missing)
    handler.emit(record)
    assert ["odd"] == captured.names()
    assert ("", "") == capsys.readouterr()


def test_before_init_nothing_happens(log, handler):
    """A handler may be there before there is a client, and says nothing of it."""
    log.error("early", extra=MARK)
    with capture_events() as captured:
        log.error("now", extra=MARK)
    assert ["now"] == captured.names()


# -- Configuration ---------------------------------------------------------------------------------


def no_searches(logger, method, line):
    """A rule to be named in a configuration."""
    return "search" not in line["event"]


@pytest.fixture
def configured():
    """A logger with the handlers of a configuration."""
    logger = logging.getLogger("agent.configured")
    yield logger
    logger.handlers[:] = []


def test_from_dict_config(captured, configured):
    """The factory takes the keywords of the class, and level and filters work as for others."""
    log = configured
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "events": {
                    "()": "agentlog.EventHandler",
                    "level": "WARNING",
                    "select": f"ext://{__name__}.no_searches",
                    "breadcrumbs": 5,
                },
                "by class": {"class": "agentlog.EventHandler"},
            },
            "loggers": {log.name: {"handlers": ["events", "by class"], "level": "DEBUG"}},
        }
    )
    log.info("below its level")
    log.warning("a search")
    log.warning("chosen")
    log.info("marked", extra=MARK)
    assert ["chosen", "marked"] == captured.names()


@pytest.mark.parametrize(
    "arguments",
    [{"client": "x"}, {"select": "level"}, {"breadcrumbs": -1}, {"breadcrumbs": None}],
)
def test_wrong_arguments_are_refused(arguments):
    """A wrong argument raises where it is written, and says what is accepted."""
    with pytest.raises(ConfigurationError, match="is not a"):
        EventHandler(**arguments)


def test_threads_log_at_once(captured, log, handler):
    """Many threads, and each of their lines is there once, under the action of its thread."""

    def work(number):
        with ao.action(f"work {number}"):
            for line in range(50):
                log.info("%d-%d", number, line, extra=MARK)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {f"work {n}": [f"{n}-{line}" for line in range(50)] for n in range(4)}
    assert expected == dict(captured.tree())


# -- Programs with a logging of their own ----------------------------------------------------------


def test_a_record_factory_of_the_programs_own(tmp_path):
    """It is there before agentlog is imported, and may want records with a name."""
    ran = run(
        tmp_path,
        """
        import logging
        make = logging.getLogRecordFactory()
        def factory(name, *arguments, **values):
            record = make(name, *arguments, **values)
            record.package = name.partition(".")[0]
            return record
        logging.setLogRecordFactory(factory)
        import agentlog as ao
        ao.init()
        logging.getLogger().addHandler(ao.EventHandler())
        logging.getLogger("web.app").error("a", extra={"agentlog": True})
        """,
    )
    assert {"package": "web"} == well(ran).one("a")["params"]
    assert "" == ran.stdout


def test_a_formatter_that_colours_the_level_in_place(captured, log, handler):
    """What another handler has done to a record for its terminal is not in the event."""
    record = log.makeRecord(log.name, 40, __file__, 1, "red", (), None, extra=MARK)
    record.levelname = "\x1b[31mERROR\x1b[0m"
    log.handle(record)
    assert ("error", "Fail") == (captured.one("red")["level"], captured.one("red")["result"])


def test_the_stack_is_a_param(captured, log, handler):
    """`stack_info=True` says where a line was logged."""
    log.info("here", stack_info=True, extra=MARK)
    assert "test_the_stack_is_a_param" in captured.one("here")["params"]["stack"]


def test_warnings_of_agentlog_are_nobodys_events(captured, monkeypatch):
    """With `logging.captureWarnings` they come as lines of the log."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    logger = logging.getLogger("py.warnings")
    handler = EventHandler(select=ao.select.level("warning"))
    logger.addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning("ours", AgentlogWarning, __file__, 1)
            warnings.showwarning("the program's", UserWarning, __file__, 2)
    finally:
        logging.captureWarnings(capture=False)
        logger.removeHandler(handler)
    (event,) = captured.events
    assert "the program's" in event["event_type"]


def test_what_goes_wrong_inside_is_counted(captured, log, handler):
    """A record of which nothing can be made does no harm, and is missed by nobody in silence."""
    record = log.makeRecord(log.name, 20, __file__, 1, "odd", (), None, extra=MARK)
    del record.levelname
    with pytest.warns(AgentlogWarning, match="levelname"):
        handler.emit(record)
    assert {"internal error": 1} == captured.client.stats().reasons


def test_ctrl_c_passes(captured, log, handler):
    """Who interrupts the program is not asked to wait for its log."""

    class Interrupting:
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log.info("%s", Interrupting(), extra=MARK)


def test_the_call_site_is_not_structlogs(captured):
    """A line that came through structlog was logged by whoever called it, or nobody knows where."""
    target = logging.Logger("agent", logging.DEBUG)  # noqa: LOG001 - one of its own
    target.addHandler(EventHandler(select=ao.select.level("info")))
    structlog.wrap_logger(target, processors=[structlog.processors.JSONRenderer()]).info("here")
    assert "source" not in captured.events[0]
