"""install(): the processor stands where it belongs in whatever configuration is in force."""

import json
import logging

import pytest
import structlog
from opentelemetry.instrumentation.structlog import StructlogProcessor
from structlog.processors import (
    EventRenamer,
    JSONRenderer,
    KeyValueRenderer,
    LogfmtRenderer,
    add_log_level,
)
from structlog.stdlib import ProcessorFormatter, filter_by_level, render_to_log_kwargs

import agentlog as ao
from agentlog import AgentlogWarning, EventProcessor, install
from agentlog.testing import capture_events

IDS = {"session_id", "event_id", "parent_id"}


def printing(*processors):
    """Configure structlog to return its lines as JSON, and return a logger."""
    structlog.configure(
        processors=[*processors, JSONRenderer()],
        logger_factory=lambda *_: structlog.testing.ReturnLogger(),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


def chain():
    """The processors in force."""
    return structlog.get_config()["processors"]


def own_renderer(logger, method, line):
    """A renderer that nobody knows."""
    return str(line)


BEFORE = [
    ([add_log_level, JSONRenderer()], JSONRenderer),
    ([add_log_level, KeyValueRenderer()], KeyValueRenderer),
    ([LogfmtRenderer()], LogfmtRenderer),
    ([structlog.dev.ConsoleRenderer()], structlog.dev.ConsoleRenderer),
    ([add_log_level, own_renderer], own_renderer),
    ([add_log_level, JSONRenderer(), own_renderer], JSONRenderer),
    ([add_log_level, EventRenamer("msg"), JSONRenderer()], EventRenamer),
    ([filter_by_level, ProcessorFormatter.wrap_for_formatter], "wrap_for_formatter"),
    ([add_log_level, render_to_log_kwargs], render_to_log_kwargs),
    ([ProcessorFormatter.remove_processors_meta, JSONRenderer()], JSONRenderer),
    ([add_log_level, StructlogProcessor(), JSONRenderer()], StructlogProcessor),
]


@pytest.mark.parametrize(("processors", "behind"), BEFORE)
def test_it_stands_where_the_line_still_has_all_its_keys(captured, processors, behind):
    """In front of the renderer, of what hands over to logging, of what renames the event."""
    structlog.configure(processors=processors)
    before = list(processors)
    uninstall = install(captured.client)
    at = next(at for at, each in enumerate(chain()) if isinstance(each, EventProcessor))
    found = chain()[at + 1]
    names = (found, type(found), getattr(found, "__name__", None))
    assert behind in names
    uninstall()
    assert before == chain()


def test_loggers_that_are_cached_see_it(captured):
    """The list of processors is the same object, and the printed line has ids."""
    logger = printing(add_log_level)
    logger.info("cached now")
    processors = chain()
    install(captured.client)
    assert processors is chain()
    out = json.loads(logger.info("search", action_type="tool"))
    assert IDS < set(out)
    assert ["search"] == captured.names()


def test_installed_twice_a_line_is_one_event(captured):
    """The second `install` replaces the first, with the newer arguments."""
    logger = printing()
    install(captured.client)
    install(captured.client, correlate={"event_id": "span_id"})
    out = json.loads(logger.info("search", action_type="tool"))
    assert {"event", "action_type", "span_id"} == set(out)
    assert ["search"] == captured.names()


def test_two_clients_are_installed_beside_each_other(captured):
    """Each of them records the line, once."""
    logger = printing()
    with capture_events() as other:
        for client in (captured.client, other.client, captured.client):
            install(client)
        logger.info("search", action_type="tool")
        assert ["search"] == other.names()
    assert ["search"] == captured.names()


def test_a_processor_in_the_wrong_place_is_put_right(captured):
    """One that stands behind the renderer is replaced by one in front of it."""
    logger = printing()
    chain().append(EventProcessor(captured.client))
    install(captured.client)
    assert [EventProcessor, JSONRenderer] == [type(each) for each in chain()]
    logger.info("search", action_type="tool")
    assert ["search"] == captured.names()


def test_uninstall_leaves_the_configuration_as_it_was(captured):
    """What `install` returns takes the processor out, once or more often, and only its own."""
    logger = printing(add_log_level)
    before = list(chain())
    first = install(captured.client)
    second = install(captured.client)
    first()
    assert 3 == len(chain())
    second()
    second()
    assert before == chain()
    logger.info("search", action_type="tool")
    assert [] == captured.names()


def test_uninstall_finds_it_in_a_list_that_somebody_has_copied(captured):
    """Others build new lists of what is in force; the processor is taken out of those too."""
    printing()
    uninstall = install(captured.client)
    structlog.configure(processors=list(chain()))
    uninstall()
    assert [JSONRenderer] == [type(each) for each in chain()]


def test_uninstall_ends_it_where_it_cannot_be_taken_out(captured):
    """A logger may have cached a list that nobody else has: there the processor does nothing."""
    printing()
    uninstall = install(captured.client)
    structlog.configure(processors=list(chain()))
    logger = structlog.get_logger()
    logger.info("cached now")
    structlog.configure(processors=[JSONRenderer()])
    uninstall()
    assert '{"action_type": "tool", "event": "search"}' == logger.info("search", action_type="tool")
    assert [] == captured.names()


def test_install_into_structlog_as_it_is_imported(captured, capsys):
    """Without any configuration the default chain gets it, and stays one that may be configured."""
    install(captured.client)
    structlog.get_logger().info("search", action_type="tool")
    assert ["search"] == captured.names()
    assert "event_id" in capsys.readouterr().out
    assert not structlog.is_configured()
    structlog.reset_defaults()
    assert EventProcessor not in [type(each) for each in chain()]


def test_a_tuple_of_processors_is_configured_anew(captured):
    """It cannot be changed in place: new loggers get the processor, and a warning says so."""
    structlog.configure(
        processors=(add_log_level, JSONRenderer()),
        logger_factory=lambda *_: structlog.testing.ReturnLogger(),
    )
    with pytest.warns(AgentlogWarning, match="a tuple.*cached"):
        install(captured.client)
    structlog.get_logger().info("search", action_type="tool")
    assert ["search"] == captured.names()


def test_a_chain_without_processors_gets_one(captured):
    """A chain may be empty: then the line goes to the logger as keyword arguments."""
    structlog.configure(processors=[], logger_factory=lambda *_: structlog.testing.ReturnLogger())
    install(captured.client)
    structlog.get_logger().info("search", action_type="tool")
    assert ["search"] == captured.names()


def test_lines_for_a_formatter_are_recorded_before_they_are_wrapped(captured):
    """Of a chain that ends in `wrap_for_formatter`, every handler's line has the ids."""
    handler = logging.Handler()
    out = []
    handler.emit = lambda record: out.append(handler.format(record))
    handler.setFormatter(ProcessorFormatter(processor=JSONRenderer()))
    structlog.configure(
        processors=[add_log_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    install(captured.client)
    logger = logging.getLogger("test_install")
    logger.addHandler(handler)
    try:
        structlog.get_logger("test_install").warning("search", action_type="tool")
    finally:
        logger.removeHandler(handler)
    assert IDS < set(json.loads(out[0]))
    assert ["search"] == captured.names()


def test_the_module_says_install_too():
    """The verb of the front door is the one tested here."""
    assert ao.install is install
