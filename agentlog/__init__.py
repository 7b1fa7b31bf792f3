"""agentlog turns what an AI agent logs and does into a tree of events: recorded and replayed."""

from agentlog._version import __version__
from agentlog.bridges import select
from agentlog.bridges.install import install
from agentlog.bridges.instrument import instrument
from agentlog.bridges.logging import EventHandler
from agentlog.bridges.structlog import EventProcessor
from agentlog.client import Client
from agentlog.default import (
    action,
    close,
    current_action,
    current_session,
    end_session,
    flush,
    init,
    inject,
    record,
    record_action,
    session,
    start_session,
    stats,
)
from agentlog.diagnosis import doctor
from agentlog.errors import (
    AgentlogError,
    AgentlogWarning,
    ConfigurationError,
    SessionNotFoundError,
    StoreError,
)
from agentlog.figures import FlushResult
from agentlog.recording.action import Action
from agentlog.recording.context import attach
from agentlog.recording.event import ActionType, Event, EventState, Models
from agentlog.recording.redact import Redact
from agentlog.recording.threads import ThreadPoolExecutor, bind
from agentlog.session import Session

__all__ = [
    "Action",
    "ActionType",
    "AgentlogError",
    "AgentlogWarning",
    "Client",
    "ConfigurationError",
    "Event",
    "EventHandler",
    "EventProcessor",
    "EventState",
    "FlushResult",
    "Models",
    "Redact",
    "Session",
    "SessionNotFoundError",
    "StoreError",
    "ThreadPoolExecutor",
    "__version__",
    "action",
    "attach",
    "bind",
    "close",
    "current_action",
    "current_session",
    "doctor",
    "end_session",
    "flush",
    "init",
    "inject",
    "install",
    "instrument",
    "record",
    "record_action",
    "select",
    "session",
    "start_session",
    "stats",
]
