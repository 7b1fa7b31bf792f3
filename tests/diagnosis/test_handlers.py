"""What is said of handlers and formatters of the standard library's logging."""

import logging
import logging.handlers
import queue

import pytest
from structlog.processors import JSONRenderer
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level

import agentlog as ao
from agentlog.diagnosis.finding import FACT, GOOD, NOTICE, WRONG
from agentlog.diagnosis.handlers import examine
from agentlog.diagnosis.stations import stations
from agentlog.testing import capture_events
from tests.diagnosis.configurations import formatting, logged, put

META = ProcessorFormatter.remove_processors_meta
NOBODY = "lines of plain logging are not recorded: no handler is an EventHandler"
BEHIND_A_QUEUE = (
    "lines of plain logging are not recorded, or not in their actions: no logger has an"
    " EventHandler"
)
FIX = (
    "logging.getLogger().addHandler(agentlog.EventHandler())  # behind basicConfig or dictConfig",
    (
        'or in the configuration: "events": {"()": "agentlog.EventHandler"} in "handlers", and'
        ' "events" in the handlers of "root"'
    ),
)
OF_ROOT = "StreamHandler of the root logger"
FOREIGN = "foreign_pre_chain, for lines of plain logging"

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture(autouse=True)
def _level():
    """Let lines of information through."""
    logging.root.setLevel(logging.INFO)


def found(*, only=(FACT, GOOD, NOTICE, WRONG), absent=FACT):
    """Return what is said with one of these grades."""
    return [
        (finding.grade, finding.text, *finding.details)
        for finding in examine(stations(), absent)
        if finding.grade in only
    ]


@pytest.mark.parametrize("grade", [FACT, NOTICE, WRONG])
def test_where_nothing_is_configured_nothing_is_recorded(grade):
    """How bad that is depends on what else there is; if it is bad, the fix is told."""
    put(logging.StreamHandler())
    assert [(grade, NOBODY, *(FIX if grade is not FACT else ()))] == found(absent=grade)
    assert [] == logged()


def test_the_fix_is_one():
    """Both are, as they are told."""
    exec(FIX[0], {"logging": logging, "agentlog": ao})
    assert ["found"] == logged()


@pytest.mark.parametrize("logger", ["", "app"])
def test_an_event_handler_is_named_with_its_logger(logger):
    """It is where lines become events."""
    put(ao.EventHandler(), logger, name="events")
    owner = f"logger '{logger}'" if logger else "the root logger"
    assert [(GOOD, f"EventHandler 'events' of {owner}: lines become events here")] == found(
        only=[GOOD]
    )
    assert ["found"] == logged()


def test_a_formatter_is_described():
    """Both of its chains are listed, under the names of the arguments that they are."""
    put(formatting(META, JSONRenderer(), foreign=[add_log_level]), name="console")
    [described, nobody] = found()
    assert (
        FACT,
        "StreamHandler 'console' of the root logger: ProcessorFormatter",
        FOREIGN,
        "1. add_log_level",
        "processors",
        "1. ProcessorFormatter.remove_processors_meta",
        "2. JSONRenderer",
    ) == described
    assert (FACT, NOBODY) == nobody
    assert [] == logged()


def test_a_chain_of_several_formatters_is_told_once():
    """And what is wrong with it, too."""
    shared = [add_log_level, ao.EventProcessor()]
    put(formatting(META, JSONRenderer(), foreign=shared), name="one")
    put(formatting(META, str, foreign=shared), name="two")
    first, notice, second = found()
    assert (FOREIGN, "1. add_log_level", "2. EventProcessor  <- lines become events here") == (
        first[2:5]
    )
    assert NOTICE == notice[0]
    assert "StreamHandler 'two' of the root logger: ProcessorFormatter" == second[1]
    assert f"{FOREIGN}: as of StreamHandler 'one' of the root logger" == second[2]
    assert "processors" == second[3]


IN_FORMATTER = f"the EventProcessor in the formatter of {OF_ROOT} stands behind"
IN_FOREIGN = f"the EventProcessor in foreign_pre_chain of {OF_ROOT} stands behind"
NO_LINES = "the renderer, JSONRenderer: no lines come to it"
TWICE = f"twice in the formatter of {OF_ROOT}, as 1 and 2, for the same client"
FORMATTERS = {
    "in processors": ([ExtraAdder(), "EP", META, JSONRenderer()], None, None),
    "in processors, behind foreign_pre_chain": (["EP", META, JSONRenderer()], [ExtraAdder()], None),
    "in foreign_pre_chain": ([META, JSONRenderer()], [ExtraAdder(), "EP"], None),
    "in both": (["EP", META, JSONRenderer()], [ExtraAdder(), "EP"], None),
    "behind its record": ([META, "EP", JSONRenderer()], [ExtraAdder()], None),
    "behind the renderer": (
        [JSONRenderer(), "EP"],
        None,
        (WRONG, f"{IN_FORMATTER} {NO_LINES}", "put it before JSONRenderer"),
    ),
    "behind the renderer of foreign lines": (
        [META, JSONRenderer()],
        [JSONRenderer(), "EP"],
        (WRONG, f"{IN_FOREIGN} {NO_LINES}", "put it before JSONRenderer"),
    ),
    "twice": (
        ["EP", "EP", META, JSONRenderer()],
        [ExtraAdder()],
        (WRONG, f"the EventProcessor is there {TWICE}", "take one of them out"),
    ),
}


@pytest.mark.parametrize(("processors", "foreign", "said"), FORMATTERS.values(), ids=FORMATTERS)
def test_where_the_processor_stands_in_a_formatter(processors, foreign, said):
    """It is told as for structlog's chain; a line is an event where nothing is said."""
    put(formatting(*processors, foreign=foreign))
    assert ([said] if said else []) == found(only=(NOTICE, WRONG))
    assert said or ["found"] == logged()


CLASS_IN_FORMATTER = f"EventProcessor in the formatter of {OF_ROOT} is the class"


def test_a_class_in_a_formatter_is_a_problem():
    """Parentheses were forgotten; no line can be printed with it."""
    handler = put(formatting(ao.EventProcessor, JSONRenderer()))
    [(_, text, fix)] = found(only=[WRONG])
    assert f"{CLASS_IN_FORMATTER}: each line raises a TypeError there" == text
    assert "write EventProcessor()" == fix
    with pytest.raises(TypeError):
        handler.format(logging.makeLogRecord({"msg": "found"}))


EXTRA = "does not see the extra of plain lines"
CHOOSES_NONE = "agentlog=True in it counts, but event_type and action_type choose no line"


@pytest.mark.parametrize(
    ("processors", "foreign", "said"),
    [
        (
            [META, JSONRenderer()],
            [add_log_level, "EP", ExtraAdder()],
            ("foreign_pre_chain", "put structlog.stdlib.ExtraAdder() before it"),
        ),
        (
            ["EP", META, JSONRenderer()],
            [add_log_level],
            ("the formatter", "put structlog.stdlib.ExtraAdder() into foreign_pre_chain"),
        ),
        (
            ["EP", META, JSONRenderer()],
            [add_log_level, "EP"],
            ("foreign_pre_chain", "put structlog.stdlib.ExtraAdder() before it"),
        ),
        ([META, JSONRenderer()], [ExtraAdder(), "EP"], None),
        (["EP", META, JSONRenderer()], [ExtraAdder()], None),
    ],
    ids=[
        "behind it",
        "not there",
        "not there, twice",
        "in front",
        "in front, in foreign_pre_chain",
    ],
)
def test_an_event_processor_without_extra_is_noticed(processors, foreign, said):
    """The marker is seen all the same, but not what the rule looks for."""
    put(formatting(*processors, foreign=foreign))
    where, fix = said or ("", "")
    expected = (NOTICE, f"the EventProcessor in {where} of {OF_ROOT} {EXTRA}", CHOOSES_NONE, fix)
    assert (said is not None) * [expected] == found(only=[NOTICE, WRONG])
    assert ["found"] == logged(agentlog=True)
    assert ([] if said else ["search"]) == logged(event_type="search")


@pytest.mark.parametrize(
    ("rule", "call"),
    [
        (ao.select.marked, "marked()"),
        (ao.select.has, 'has("tool")'),
        (ao.select.level, 'level("warning")'),
        (ao.select.event, 'event("search*")'),
        (ao.select.logger, 'logger("agent.*")'),
    ],
)
@pytest.mark.parametrize("in_formatter", [True, False], ids=["formatter", "handler"])
def test_a_function_for_rules_is_no_rule(rule, call, in_formatter):
    """It was to be called, and what it returns is the rule."""
    processor = ao.EventProcessor(select=rule)
    put(
        formatting(processor, JSONRenderer(), foreign=[ExtraAdder()])
        if in_formatter
        else ao.EventHandler(select=rule)
    )
    way = "the EventProcessor in the formatter of StreamHandler" if in_formatter else "EventHandler"
    text = f"the rule of {way} of the root logger is the function {rule.__name__}"
    in_a_file = 'in a file, name one of your own: "select": "ext://myapp.rules.chosen"'
    assert [
        (WRONG, f"{text}: it chooses no line", f"write select=agentlog.select.{call}", in_a_file)
    ] == found(only=[GOOD, NOTICE, WRONG])
    assert callable(eval(f"ao.select.{call}"))
    with pytest.warns(ao.AgentlogWarning, match="the rule for log lines raised TypeError"):
        assert [] == logged(event_type="search", tool="x")


def behind_a_queue(way, *, is_known=True):
    """Give the root logger a QueueHandler, and its listener this handler."""
    handler = put(logging.handlers.QueueHandler(queue.SimpleQueue()))
    listener = logging.handlers.QueueListener(handler.queue, way)
    handler.listener = listener if is_known else None
    return listener


QUEUE = (
    NOTICE,
    "QueueHandler of the root logger: put the EventHandler beside it, not behind its listener",
    "there it does not see the action that a line was logged in",
    "logging.getLogger().addHandler(agentlog.EventHandler())",
)
ABSENT = (WRONG, BEHIND_A_QUEUE, *FIX)


@pytest.mark.parametrize("is_beside", [True, False])
@pytest.mark.parametrize(
    ("way", "is_known", "said"),
    [
        (ao.EventHandler, True, [QUEUE]),
        (ao.EventHandler, False, [QUEUE, ABSENT]),
        (lambda: formatting("EP", str, foreign=[ExtraAdder()]), True, [QUEUE]),
        (logging.NullHandler, True, [(WRONG, NOBODY, *FIX)]),
    ],
    ids=["known", "unknown", "formatter", "nothing"],
)
def test_an_event_handler_behind_a_queue_is_noticed(way, is_known, said, is_beside):
    """Behind it lines are of no action; beside it they are, and are recorded once."""
    listener = behind_a_queue(way(), is_known=is_known)
    if is_beside:
        exec(QUEUE[-1], {"logging": logging, "agentlog": ao})
    if is_beside:
        said = [(GOOD, "EventHandler of the root logger: lines become events here")]
    assert said == found(only=[GOOD, NOTICE, WRONG], absent=WRONG)
    with capture_events() as captured, ao.action("answer") as action:
        logging.getLogger("app").info("found", extra={"agentlog": True})
        listener.start()
        listener.stop()
    parents = [each["parent_id"] for each in captured.events if each["event_type"] == "found"]
    assert (is_beside or way is not logging.NullHandler) == len(parents)
    assert is_beside == (parents == [action.id])
