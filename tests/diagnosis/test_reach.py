"""What holds lines back from where they would become events; each is logged, and each fix done."""

import logging
import logging.config

import pytest
from structlog.processors import JSONRenderer

import agentlog
from agentlog.diagnosis.finding import NOTICE, WRONG
from agentlog.diagnosis.reach import examine
from agentlog.diagnosis.stations import stations
from tests.diagnosis.configurations import formatting, logged, put

DISABLED = '"disable_existing_loggers": False in the configuration leaves them as they are'
RIGHT_FOR_NOISE = "what it drops is no event: that is right for noise"
IN_FORMATTER = "EventProcessor in a formatter"
OF_ROOT = "EventHandler of the root logger"

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture(autouse=True)
def beginning():
    """Begin with a root logger that lets lines of information through, and all levels enabled."""
    logging.root.setLevel(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def found():
    """Return what is said."""
    return [
        (finding.grade, finding.text, *finding.details) for finding in examine(list(stations()))
    ]


def own_filter(record):
    """Let nothing through."""
    return False


def root(level=logging.NOTSET):
    """Give the root logger an EventHandler."""
    return put(agentlog.EventHandler(), level=level)


def app(**attributes):
    """Return the logger of the program, with these attributes."""
    logger = logging.getLogger("app")
    vars(logger).update(attributes)
    return logger


def by_root_level():
    """Let the root logger drop lines, for all but one that has a level of its own."""
    root()
    logging.root.setLevel(logging.WARNING)
    app()
    logging.getLogger("own").setLevel(logging.DEBUG)


def by_own_levels():
    """Let loggers drop lines by themselves."""
    root()
    app().setLevel(logging.ERROR)
    logging.getLogger("app.part")
    logging.getLogger("other").setLevel(logging.WARNING)


def by_disabling_levels():
    """Let all loggers drop lines."""
    root()
    logging.disable(logging.INFO)


def by_disabling_the_logger():
    """Let a logger be what `disable_existing_loggers` makes of it."""
    root()
    app(disabled=True, level=logging.ERROR)


def by_handler_level():
    """Let the handler drop lines."""
    root(logging.ERROR)
    app()


def by_formatters_handler_level():
    """Let a handler drop lines in whose formatter they are events."""
    put(formatting("EP", JSONRenderer()), level=logging.ERROR, name="errors")
    app()


def by_filter_of_handler():
    """Let a filter of the handler drop lines."""
    root().addFilter(own_filter)
    app()


def by_filter_of_logger():
    """Let a filter of the logger drop lines."""
    root()
    app().addFilter(own_filter)


def by_not_propagating():
    """Keep lines away, also those of a logger below, but not of one with its own way."""
    root()
    app(propagate=False)
    logging.getLogger("app.part")
    logging.getLogger("app.part.own").addHandler(agentlog.EventHandler())


def by_not_propagating_with_handlers():
    """Keep lines away, which are printed elsewhere."""
    root()
    put(logging.NullHandler(), "app")
    app(propagate=False)


def by_an_event_handler_elsewhere():
    """Record the lines of another logger."""
    put(agentlog.EventHandler(), "web")
    app()


def by_a_formatter_elsewhere():
    """Record the lines of another logger in a formatter."""
    put(formatting("EP", JSONRenderer()), "web")
    app()


HELD_BACK = {
    by_root_level: (
        "loggers drop lines below WARNING, by the level of the root logger: they are no events",
        "the root logger and logger 'app'",
        "logging.getLogger().setLevel(logging.INFO)",
    ),
    by_own_levels: (
        "loggers drop lines below ERROR, by a level of their own: they are no events",
        "logger 'app' and logger 'app.part'",
        "logging.getLogger('app').setLevel(logging.INFO)",
    ),
    by_disabling_levels: (
        "logging.disable(INFO) holds back lines up to that level, of all loggers",
        "logging.disable(logging.NOTSET)",
    ),
    by_disabling_the_logger: (
        "loggers are disabled: their lines go nowhere",
        "logger 'app'",
        DISABLED,
    ),
    by_handler_level: (
        f"{OF_ROOT} drops lines below ERROR: they are no events",
        "the root logger and logger 'app'",
        "logging.getLogger().handlers[{at}].setLevel(logging.NOTSET)",
    ),
    by_formatters_handler_level: (
        "StreamHandler 'errors' of the root logger drops lines below ERROR: they are no events",
        "the root logger and logger 'app'",
        "logging.getLogger().addHandler(agentlog.EventHandler())",
    ),
    by_filter_of_handler: (
        f"{OF_ROOT} has a filter, {__name__}.own_filter, that may drop lines",
        "the root logger and logger 'app'",
        RIGHT_FOR_NOISE,
    ),
    by_filter_of_logger: (
        f"loggers have a filter, {__name__}.own_filter, that may drop lines",
        "logger 'app'",
        RIGHT_FOR_NOISE,
    ),
    by_not_propagating: (
        "loggers do not propagate: their lines come to no EventHandler",
        "logger 'app' and logger 'app.part'",
        "logging.getLogger('app').propagate = True",
    ),
    by_not_propagating_with_handlers: (
        "loggers do not propagate: their lines come to no EventHandler",
        "logger 'app'",
        "logging.getLogger('app').addHandler(agentlog.EventHandler())",
    ),
    by_an_event_handler_elsewhere: (
        "loggers without an EventHandler: only logger 'web', and those below, have one",
        "the root logger and logger 'app'",
        "logging.getLogger().addHandler(agentlog.EventHandler())",
    ),
    by_a_formatter_elsewhere: (
        f"loggers without an {IN_FORMATTER}: only logger 'web', and those below, have one",
        "the root logger and logger 'app'",
        "logging.getLogger().addHandler(agentlog.EventHandler())",
    ),
}
"""A configuration, and what is said first: of which loggers, and how it is put right."""


@pytest.mark.parametrize("configure", HELD_BACK, ids=lambda configure: configure.__name__)
def test_what_holds_lines_back_is_noticed(configure):
    """A line is no event as is said; and if there is code to put it right, it is one then."""
    configure()
    *said, fix = HELD_BACK[configure]
    fix = fix.format(at=len(logging.root.handlers) - 1)
    assert (NOTICE, *said, fix) == found()[0]
    assert [] == logged()
    if fix.startswith("logging."):
        exec(fix, {"logging": logging, "agentlog": agentlog})
        assert ["found"] == logged()
        assert said[0] not in [text for _, text, *_ in found()]


@pytest.mark.parametrize("fix", [{}, {"disable_existing_loggers": False}], ids=str)
def test_existing_loggers_are_not_disabled_if_the_configuration_says_so(fix):
    """That is the fix for loggers that `dictConfig` would disable."""
    app()
    logging.config.dictConfig({"version": 1, **fix})
    root()
    assert bool(fix) == ([] == found()) == bool(logged())


def test_causes_are_told_apart():
    """Each level is one cause, for all loggers that have it."""
    by_own_levels()
    assert [
        ("by a level of their own", "logger 'app' and logger 'app.part'"),
        ("by a level of their own", "logger 'other'"),
    ] == [(text.partition(", ")[2].partition(":")[0], of) for _, text, of, _ in found()]


def test_of_a_disabled_logger_nothing_else_is_said():
    """Its level does not matter: it has no lines."""
    by_disabling_the_logger()
    assert 1 == len(found())


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.INFO])
def test_usual_levels_are_not_noticed(level):
    """Of handlers and loggers that let information through nothing is said."""
    root(level)
    app().setLevel(level)
    logging.root.setLevel(level or logging.INFO)
    logging.disable(level - 10)
    assert [] == found()
    assert ["found"] == logged()


@pytest.mark.parametrize("handler", [agentlog.EventHandler, lambda: formatting("EP", str)])
def test_one_way_is_enough(handler):
    """Where lines come to one handler unhindered, the level of another does not matter."""
    root(logging.ERROR).addFilter(own_filter)
    put(handler())
    assert [] == found()
    assert ["found"] == logged()


@pytest.mark.parametrize(
    "name",
    [
        "uvicorn",
        "uvicorn.access",
        "uvicorn.error",
        "gunicorn.access",
        "gunicorn.error",
        "django.server",
        "multiprocessing",
        "asyncio",
        "concurrent.futures",
    ],
)
def test_loggers_that_are_kept_away_on_purpose_are_left_out(name):
    """Servers and Python configure them so; a logger that is only named alike is told."""
    root()
    for logger in (name, f"my{name}"):
        put(logging.NullHandler(), logger)
        logging.getLogger(logger).propagate = False
    assert [f"logger 'my{name}'"] == [of for _, _, of, _ in found()]


def no_lines_by_disabled_levels():
    """Let all loggers drop all lines."""
    root()
    logging.disable(logging.CRITICAL)


def no_lines_by_level():
    """Let the handler drop all lines."""
    root(logging.CRITICAL + 1)


def no_lines_by_disabled_logger():
    """Disable the only logger with a handler."""
    put(agentlog.EventHandler(), "web")
    logging.getLogger("web").disabled = True


@pytest.mark.parametrize(
    "configure", [no_lines_by_disabled_levels, no_lines_by_level, no_lines_by_disabled_logger]
)
def test_that_no_line_comes_at_all_is_a_problem(configure):
    """Where all is held back, that is wrong, and what does it is told in front."""
    configure()
    first, *_, last = found()
    expected = "no line of any logger comes to an EventHandler"
    assert (WRONG, expected, "what is noticed above holds them all back") == last
    assert NOTICE == first[0]
    for name in ("", "app", "web"):
        assert [] == logged(name, logging.CRITICAL)


def test_without_a_way_there_is_nothing_to_hold_back():
    """That there is none is said elsewhere."""
    app(disabled=True, propagate=False)
    assert [] == found()
