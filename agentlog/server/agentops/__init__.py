"""The lineage: what the AgentOps SDK sends. An old program only changes its endpoint.

Pure translation of its requests into records stands in `values`, `sessions`, `events` and `kinds`;
`tickets` makes what its later versions take for a token, `routes` joins them to the collector. The
rule of the room: what a program told is kept, as far as a record has a place for it, and where it
has none among the event's params. docs/from-agentops.md says which version is understood how far.
"""

from agentlog.server.agentops.routes import routes

__all__ = ["routes"]
