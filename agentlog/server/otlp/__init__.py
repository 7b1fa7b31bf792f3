"""OpenTelemetry: spans that any of its SDKs sends, in any language.

`protobuf` and `json_form` read the two forms that OTLP has into the same `spans`, and `records`
makes the records of them; `intake` bounds all of it, and `routes` answers. What attributes mean is
known in agentlog.conventions.
"""

from agentlog.server.otlp.routes import route

__all__ = ["route"]
