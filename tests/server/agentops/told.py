"""What the SDK tells, made up: sessions and events as their tests need them."""

SESSION = "ded1c66e-c094-413e-bdab-a4c558d00ce3"
HEX = "ded1c66ec094413ebdaba4c558d00ce3"
ROOT = HEX[16:]
BATCH = "0123456789ab"
NOON = 1795262400.0
"""2026-11-21T12:00:00Z"""


def session(**more):
    """A session as 0.0.22 tells it."""
    return {
        "session_id": SESSION,
        "init_timestamp": "2026-11-21T12:00:00.000Z",
        "end_timestamp": None,
        "end_state": None,
        "end_state_reason": None,
        "rating": None,
        "tags": None,
        "video": None,
        **more,
    }


def ended(**more):
    """A session that has ended."""
    end = {"end_timestamp": "2026-11-21T12:00:01.500Z", "end_state": "Success"}
    return session(**{**end, **more})


def event(**more):
    """An event as 0.0.22 tells it."""
    return {
        "session_id": SESSION,
        "event_type": "plan",
        "params": None,
        "returns": None,
        "result": "Success",
        "tags": None,
        "action_type": "action",
        "model": None,
        "prompt": None,
        "init_timestamp": "2026-11-21T12:00:00.000Z",
        "end_timestamp": "2026-11-21T12:00:01.500Z",
        "screenshot": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        **more,
    }
