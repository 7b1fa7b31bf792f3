"""A store in a ClickHouse: for what is past one machine.

The same protocol as SQLite's, and nothing of our own that is distributed: what several collectors
share they share through the tables. Theory of operation:

- A record is a row, as it came (schema.py). An insert never reads (writing.py): what comes twice is
  there twice until the engine merges its parts, and what two records say of one half of an event is
  decided when it is read, by the function that the replay uses. So the order of batches, their
  repetition and the collector that took them never show.
- What a list or a search needs of a row the engine takes out of it as it is inserted.
- A receipt is given when the engine says that the rows are on disk.

This file is the front door; where.py alone opens it.
"""

from agentlog.store.clickhouse.keys import ClickHouseKeys
from agentlog.store.clickhouse.readers import ClickHouseReaders
from agentlog.store.clickhouse.sink import ClickHouseSink
from agentlog.store.clickhouse.store import ClickHouseStore

__all__ = ["ClickHouseKeys", "ClickHouseReaders", "ClickHouseSink", "ClickHouseStore"]
