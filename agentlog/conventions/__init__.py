"""OpenTelemetry's vocabularies: from the attributes of spans to our fields, and back; pure."""
