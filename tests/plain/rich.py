"""Stands in the way of rich: programs that find this run as after a plain `pip install agentlog`.

The rule: it is on the path of processes that tests start, never on that of the tests. Importing
structlog takes half as long then, and a run of all tests starts a thousand processes that do.
"""

raise ModuleNotFoundError("No module named 'rich'", name="rich")
