"""Answer a question about agentlog from its own documentation, and let agentlog record how.

    python examples/research_agent.py ["Another question?"]
    agentlog replay last

The agent is one file of the package, `agentlog/demo/agent.py`, which `agentlog demo` runs as well:
read on there. Here it only gets its pages and its question.
"""

import sys
from pathlib import Path

from agentlog.demo import agent

DOCS = Path(__file__).parent.parent / "docs"

if __name__ == "__main__":
    answer = agent.run(DOCS, " ".join(sys.argv[1:]) or agent.QUESTION)
    print(answer.report.read_text("utf-8"))
