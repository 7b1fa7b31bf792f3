"""Try a program that uses OpenAI's API without a key: run it against a server on this machine.

    python examples/fake_openai.py python agent.py    # runs a program against it
    python examples/fake_openai.py --port 8080        # serves until interrupted

The server is a part of the demo, `agentlog/demo/fake_openai.py`: read on there. It answers with
sentences of what it is given. A model of the name `fail-500` fails, `fail-429-2` only twice,
and `slow-30` thinks for thirty seconds.
"""

from agentlog.demo import fake_openai

if __name__ == "__main__":
    raise SystemExit(fake_openai.main())
