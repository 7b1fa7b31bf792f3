"""An agent to try agentlog on: `agentlog demo` runs it and shows its replay.

The rule it keeps: the agent is a user of agentlog like any other. It goes through the front door,
nothing of the library imports it but the command line, and nothing in it is pretended.
"""
