"""A store in a SQLite file: for one machine, and without a server.

Theory of operation:

- An event is a row, with its halves as they came and what is asked of them as columns (schema.py).
  A list, an outline and a filter read columns; triggers keep sums true (schema.py, putting.py).
- One writes at a time: a collector, or any number of commands (lock.py). Who reads waits for nobody
  (readers.py), and learns of what is new by what SQLite itself notes (changes.py, tail.py).
- The search index follows at its own pace (index.py), between batches (errands.py).
"""
