"""`python -m agentlog` is `agentlog`."""

import sys

from agentlog.cli import main

if __name__ == "__main__":
    sys.exit(main())
