"""A session in the forms that other programs read.

`document` is the replay as JSON; `jsonl`, `table` (CSV), `otlp` and `chrome` are for files and
other tools. Each is made of a `run.Run` and yields text, a part at a time, so that of a session of
a hundred thousand events only a part is in memory. What is written is strict and, but for the
table, ASCII.
"""

from agentlog.replay.export.document import to_json

__all__ = ["to_json"]
