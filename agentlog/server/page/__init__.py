"""The page: for now a plain list of sessions, and where the API is.

The rule: data gets into it as text only, cut to what a list has room for, and under a
Content-Security-Policy that lets nothing run.
It is made of what stands in this file: no path of a request becomes a path of a file.
"""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from agentlog.replay import format as fmt
from agentlog.replay.node import moment
from agentlog.store import SessionSummary

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0}"
    "code{font-size:.9em}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_LONGEST: Final = 200
"""Characters of a name or a tag."""

_MOST_TAGS: Final = 20


def sessions(summaries: Sequence[SessionSummary], root_path: str) -> str:
    """Return the page that lists sessions."""
    rows = "".join(_row(summary, root_path) for summary in summaries)
    table = (
        f"<table><tr><th>Session<th>When<th>State<th>Events<th>Failed</tr>{rows}</table>"
        if rows
        else "<p>Nothing has been recorded yet.</p>"
    )
    api = escape(root_path)
    return _page(
        f"<h1>Sessions</h1>{table}<p>The API: <a href='{api}/v1/sessions'>{api}/v1/sessions</a>,"
        f" described in <a href='{api}/openapi.json'>{api}/openapi.json</a>. Set"
        " <code>AGENTLOG_ENDPOINT</code> to this address to record here.</p>"
    )


def login(root_path: str, wanted: str, *, was_wrong: bool = False) -> str:
    """Return the page that asks for a key, or for the token."""
    wrong = f"<p><strong>This {escape(wanted)} is not known.</strong></p>" if was_wrong else ""
    return _page(
        f"<h1>agentlog</h1>{wrong}<form method='post' action='{escape(root_path)}/login'>"
        f"<label>The {escape(wanted)}: <input name='key' type='password' autofocus required"
        " autocomplete='current-password'></label> <button>Open</button></form>"
    )


def _row(summary: SessionSummary, root_path: str) -> str:
    where = escape(f"{root_path}/v1/sessions/{quote(summary.id, safe='')}")
    name = _short(summary.event_type or "unnamed")
    tags = "".join(f" <small>#{_short(tag)}</small>" for tag in summary.tags[:_MOST_TAGS])
    when = fmt.clock(moment(summary.timestamp), None)
    return (
        f"<tr><td><a href='{where}'>{name}</a>{tags}<td>{when}"
        f"<td>{summary.state}<td>{summary.events:,}<td>{summary.failures:,}</tr>"
    )


def _short(text: str) -> str:
    """Return a text as a page has it, its beginning if it is long: others read the page, too."""
    return escape(fmt.safe(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"))


def _page(body: str) -> str:
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>agentlog</title>"
        f"<meta name='viewport' content='width=device-width'><style>{_STYLE}</style>{body}</html>"
    )
