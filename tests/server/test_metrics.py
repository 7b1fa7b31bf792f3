"""`/healthz` and `/metrics`: what they say, and what they never tell."""

import re

from tests.server.collector import record, session_id

LINE = re.compile(r'(# TYPE \w+ (counter|gauge))|(\w+(\{\w+="[\w.+-]+"\})? -?[0-9.e+]+)')


def figures(collector):
    """Return the numbers by name."""
    lines = collector.get("/metrics", "").text.splitlines()
    assert [] == [line for line in lines if not LINE.fullmatch(line)]
    return {
        name: float(value) for name, value in (x.split(" ") for x in lines if not x.startswith("#"))
    }


def test_it_says_that_it_lives(collector):
    """To everybody, without a secret."""
    answer = collector.ask("GET", "/healthz")
    assert (200, {"status": "ok"}) == (answer.status, answer.json)


def test_figures_are_counted(collector):
    """Answers by their class, in a form that Prometheus reads; of every name there is one type."""
    before = figures(collector)
    collector.post([record()])
    collector.get("/nowhere")
    after = figures(collector)
    good, bad = (f'agentlog_responses_total{{class="{digit}xx"}}' for digit in (2, 4))
    assert (2, 1) == (after[good] - before[good], after[bad] - before[bad])


def test_figures_name_nobody(collector):
    """What a client sends, such as an id, a key or a path, is no label."""
    collector.post([record(session=77)], "a-key-that-was-tried")
    collector.get("/a-path-that-was-tried")
    text = collector.get("/metrics", "").text
    assert not re.search(f"{session_id(77)}|tried|program", text)
