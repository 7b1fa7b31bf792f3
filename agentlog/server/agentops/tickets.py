"""What 0.2 and 0.3 of the SDK take for a JSON web token: a session, and whose it is.

Those versions show their key when they start a session, and get a token for it, which they show
from then on; an event of 0.3 does not say which session it belongs to. The rule: a ticket is made
of what its bearer said, the key and the session's id. So the collector keeps no state and no secret
for it, a key that is revoked ends its tickets with it, and a ticket opens nothing that the key in
it does not. Like the key, it is never logged nor stored. Pure.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final

from agentlog.server.agentops import values

_PREFIX: Final = "agentlog."


@dataclass(frozen=True, slots=True)
class Ticket:
    """A key, if one was shown, and the session that a token was asked for."""

    key: str | None
    session_id: str

    def __str__(self) -> str:
        said = json.dumps([self.key, self.session_id]).encode()
        return _PREFIX + base64.urlsafe_b64encode(said).decode().rstrip("=")

    def __repr__(self) -> str:
        return f"Ticket(session_id={self.session_id!r})"


def read(token: str) -> Ticket | None:
    """Return the ticket that a token is, if it is one."""
    if not token.startswith(_PREFIX):
        return None
    try:
        said = json.loads(base64.urlsafe_b64decode(token.removeprefix(_PREFIX) + "=="))
    except (ValueError, RecursionError):
        return None
    match said:
        case [str() | None as key, str() as session] if values.session_id(session):
            return Ticket(key, str(values.session_id(session)))
    return None
