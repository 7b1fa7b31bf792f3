"""To an OpenTelemetry receiver: what has ended goes out as spans, by OTLP over HTTP."""
