"""A secret of each kind in each place: no byte of it is in the journal."""

import asyncio
import enum
import functools
import json
import linecache
import logging
import re
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

import agentlog
from agentlog import Client, Event, Redact
from tests.recording.made_up import ALNUM, MadeUp

MAKE = MadeUp(20260502)
PASSWORD = MAKE.password()
KEYS = {
    **MAKE.keys(),
    "a name": f"password={PASSWORD}",
    "a header": f"Authorization: Bearer {MAKE.word(ALNUM, 24)}",
    "an address": f"postgres://bob:{MAKE.password()}@db/x",
}
SOME = ("openai project", "github p", "aws", "jwt", "a name", "a header", "an address")


class Text(str):
    __slots__ = ()


@dataclass
class Box:
    inside: object


def act(name="plan", *, during=None, **arguments):
    """Do an action."""
    with agentlog.action(name, **arguments) as action:
        if during is not None:
            during(action)


def fail(error):
    """Let an action fail."""
    with suppress(Exception), agentlog.action("plan"):
        raise error


def fail_with_a_cause(secret):
    """Let one fail with a cause."""
    with suppress(RuntimeError), agentlog.action("plan"):
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise RuntimeError("outer") from error


def fail_with_a_note(secret):
    """Let one fail with a note."""
    error = ValueError("outer")
    error.add_note(f"tried {secret}")
    fail(error)


def fail_at_a_line(secret):
    """Let one fail at a line of source."""
    code = f"def f():\n    raise ValueError(1)  # {secret}\nf()\n"
    linecache.cache["/made/up.py"] = (
        len(code),
        None,
        code.splitlines(keepends=True),
        "/made/up.py",
    )
    with suppress(ValueError), agentlog.action("plan"):
        exec(compile(code, "/made/up.py", "exec"), {})


def line(**values):
    """Send a line through structlog's processor."""
    agentlog.EventProcessor()(None, "info", {"event": "hi", "action_type": "tool", **values})


def crumb(**values):
    """Leave a line that a failure brings back."""
    process = agentlog.EventProcessor()
    with suppress(ValueError), agentlog.action("plan"):
        process(None, "info", {"event": "noted", **values})
        raise ValueError(1)


def logged(message, *arguments, **more):
    """Log a line with logging."""
    logger = logging.Logger("agent")  # noqa: LOG001 - one that no other test has
    logger.addHandler(agentlog.EventHandler(select=agentlog.select.level("debug")))
    logger.warning(message, *arguments, **more)


def stream(items):
    """Yield items from a recorded generator."""

    def produce():
        yield from items

    list(agentlog.record_action("stream")(produce)())


def stream_later(items):
    """Yield items from an asynchronous one."""

    async def consume():
        async def produce():
            for item in items:
                yield item

        async for _ in agentlog.record_action("stream")(produce)():
            pass

    asyncio.run(consume())


def end_of_a_session(**arguments):
    """Begin and end a session."""
    agentlog.start_session()
    agentlog.end_session("Fail", **arguments)


def pieces(secret, size=7):
    """Cut a secret in pieces."""
    return [secret[i : i + size] for i in range(0, len(secret), size)]


def param(value):
    """Record a value as a parameter."""
    agentlog.record(Event("x", params={"value": value}))


PLACES = {
    "params": lambda s: param(f"a {s} b"),
    "key": lambda s: param({s: 1}),
    "bytes": lambda s: param(f"a {s} b".encode()),
    "key of bytes": lambda s: param({s.encode(): 1}),
    "subclass": lambda s: param(Text(s)),
    "tuple": lambda s: param([(s, 1)]),
    "object": lambda s: param(Box([Box(s)])),
    "repr": lambda s: param(functools.partial(print, s)),
    "namespace": lambda s: param(SimpleNamespace(a=s)),
    "enum": lambda s: param(enum.Enum("E", {"A": s}).A),
    "ordered": lambda s: param(OrderedDict(a=s)),
    "set": lambda s: param({s}),
    "json in json": lambda s: param(json.dumps({"a": json.dumps({"b": [s]})})),
    "repr in repr": lambda s: param(repr({"a": repr({"b": [s]})})),
    "deep": lambda s: param(functools.reduce(lambda inner, _: [inner], range(12), s)),
    "across the cut": lambda s: param(["word " * 52_426 + s + " word" * 3000, s]),
    "returns": lambda s: agentlog.record(Event("x", returns=[{"a": (s,)}])),
    "prompt": lambda s: agentlog.record(Event("x", prompt=[{"role": "user", "content": s}])),
    "tags": lambda s: agentlog.record(Event("x", tags=["a", s])),
    "model": lambda s: agentlog.record(Event("x", model=f"m {s}")),
    "event type": lambda s: agentlog.record(Event(f"get {s}")),
    "action": lambda s: act(f"get {s}", params={"a": s}, tags=[s], model=s, prompt=s),
    "returned": lambda s: act(during=lambda action: setattr(action, "returns", s)),
    "update": lambda s: act(during=lambda action: action.update(model=s, tags=[s])),
    "reason": lambda s: act(during=lambda action: action.fail(f"as {s}")),
    "session tags": lambda s: agentlog.start_session(tags=[s]),
    "end of a session": lambda s: end_of_a_session(reason=f"as {s}", rating=s),
    "message": lambda s: fail(ValueError(f"bad {s}")),
    "arguments": lambda s: fail(KeyError(s, {"a": [s]}, s.encode())),
    "note": fail_with_a_note,
    "cause": fail_with_a_cause,
    "group": lambda s: fail(ExceptionGroup(f"many {s}", [ValueError(s), KeyError(s)])),
    "source line": fail_at_a_line,
    "line": lambda s: line(a=s, nested={"b": [s]}),
    "key of a line": lambda s: line(**{s: 1}),
    "event of a line": lambda s: line(event=f"got {s}"),
    "fields of a line": lambda s: line(logger=s, level=s, returns=s, model=s, tags=[s], prompt=s),
    "exception of a line": lambda s: line(exception=f"Traceback:\nValueError: {s}"),
    "breadcrumb": lambda s: crumb(event=f"noted {s}", a={"b": [s]}),
    "key of a breadcrumb": lambda s: crumb(**{s: 1}),
    "argument of logging": lambda s: logged("got %s now", s),
    "mapping of logging": lambda s: logged("got %(a)s now", {"a": s}),
    "extra of logging": lambda s: logged("got", extra={"a": s}),
    "parameter": lambda s: agentlog.record_action("f")(lambda a, **more: 1)(s, b=s),
    "default": lambda s: agentlog.record_action("f")(lambda a=s: 1)(),
    "result": lambda s: agentlog.record_action("f")(lambda: [s])(),
    "item": lambda s: stream([s]),
    "torn text": lambda s: stream(["the key is ", *pieces(s), " so there"]),
    "torn later": lambda s: stream_later(pieces(s)),
    "torn objects": lambda s: stream([{"delta": {"text": piece}} for piece in pieces(s)]),
    "torn tuples": lambda s: stream([("delta", piece) for piece in pieces(s)]),
    "torn bytes": lambda s: stream([piece.encode() for piece in pieces(s)]),
    "torn with none": lambda s: stream([s[:9], None, s[9:]]),
}


def written(home):
    """Return all bytes below a directory."""
    return b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def fragments(secret):
    """Return the pieces of which none may be left; the prefix of a key may."""
    body = re.split(r"[=:@ /]", secret.replace("@db/x", ""))[-1] if " " in secret else secret
    body = secret.partition("bob:")[2].partition("@")[0] if "bob:" in secret else body
    body = body.partition("password=")[2] or body
    body = body[12:] if len(body) > 40 else body[6:]
    return {body, body[:12], body[-10:]} - {""}


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
@pytest.mark.parametrize("kind", SOME)
def test_no_byte_of_a_secret_is_written(tmp_path, kind, place):
    """Whatever holds it and however it is recorded: the journal's bytes do not have it."""
    secret = KEYS[kind]
    agentlog.init(home=tmp_path)
    place(secret)
    agentlog.close()
    found = written(tmp_path).decode()
    together = re.sub(r"[^A-Za-z0-9]|delta|text|null", "", found)
    assert "[redacted: " in found
    for piece in fragments(secret):
        assert piece not in found
        assert re.sub(r"[^A-Za-z0-9]", "", piece) not in together


@pytest.mark.parametrize("kind", KEYS)
def test_every_kind_is_found_in_the_midst_of_a_text(kind):
    """Between words, quotes, escapes and colours, and glued to what is no part of it."""
    rules = Redact()
    for text in (
        "{}",
        "a {} b",
        '"{}"',
        "密钥{}结束",
        "\\n{}\\n",
        "%3D{}",
        "\x1b[31m{}\x1b[0m",
        "x={}",
    ):
        clean, found = rules.clean(text.format(KEYS[kind]))
        assert rules.might_hold_secret(text.format(KEYS[kind]))
        assert found >= 1
        for piece in fragments(KEYS[kind]):
            assert piece not in clean


@pytest.mark.parametrize(
    "kind", ["jwt", "jwt unsigned", "github p", "openai", "aws", "npm", "google"]
)
def test_two_keys_back_to_back(kind):
    """Where one ends and the next begins cannot be seen, and need not."""
    first, second = KEYS[kind], MAKE.keys()[kind]
    clean, _ = Redact().clean(f"a {first}{second} b")
    assert second[8:20] not in clean
    assert second[-10:] not in clean


PRIVATE_KEY = MAKE.pem()
HEADERS = (
    "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
)


@pytest.mark.parametrize(
    "text",
    [
        PRIVATE_KEY,
        PRIVATE_KEY.replace("\n", "\r\n"),
        PRIVATE_KEY.replace("\n", "\\n"),
        PRIVATE_KEY.replace("\n", " "),
        PRIVATE_KEY.replace("\n", ""),
        PRIVATE_KEY.replace("\n", "\n> "),
        PRIVATE_KEY.partition("\n-----END")[0],
        PRIVATE_KEY.partition("\n-----END")[0].replace("\n", "\\n"),
        PRIVATE_KEY[:500],
        PRIVATE_KEY.replace("-----\n", HEADERS, 1),
        PRIVATE_KEY.replace("-----\n", HEADERS, 1).partition("\n-----END")[0],
        json.dumps(json.dumps({"key": PRIVATE_KEY})),
    ],
    ids=range(12),
)
def test_a_private_key_in_any_form(text):
    """On one line, escaped, quoted, with headers, and without an end; words around it stay."""
    clean, _ = Redact().clean(f"the first words {text} and the last words")
    for row in PRIVATE_KEY.splitlines()[1:7]:
        assert row[:12] not in clean
        assert row[-12:] not in clean
    assert clean.startswith("the first words ")
    assert clean.endswith("the last words")


def test_a_private_key_in_a_list_of_lines(tmp_path):
    """As `readlines` returns it."""
    agentlog.init(home=tmp_path)
    param(PRIVATE_KEY.splitlines())
    agentlog.close()
    for row in PRIVATE_KEY.splitlines()[1:-1]:
        assert row[:12].encode() not in written(tmp_path)


@pytest.mark.parametrize("key", [KEYS["github p"], f"plain-{PASSWORD}", "qwx1z"])
def test_the_clients_own_key_is_in_no_repr(tmp_path, key):
    """Neither printed nor recorded, by whatever object holds it."""
    client = Client(api_key=key, endpoint="https://127.0.0.1:9/", home=tmp_path)
    for shown in (client, client.settings, client.stats()):
        assert key not in f"{shown!r} {shown}"
    client.record(Event("x", params={"client": client, "settings": [client.settings]}))
    client.close()
    assert key.encode() not in written(tmp_path)


@pytest.mark.parametrize(
    ("redact", "expected"),
    [
        (
            True,
            {
                "password": "[redacted: password]",
                "code": 7,
                "note": "EMP-1",
                "page_token": "[redacted: token]",
            },
        ),
        (False, {"password": PASSWORD, "code": 7, "note": "EMP-1", "page_token": "p"}),
        ("all", None),
        (
            Redact(keys=["code"], patterns=[r"EMP-\d"], keep=["page_token"]),
            {
                "password": "[redacted: password]",
                "code": "[redacted: code]",
                "note": "[redacted: pattern]",
                "page_token": "p",
            },
        ),
        (lambda field, value: {"seen": value["password"]}, {"seen": "[redacted: password]"}),
    ],
    ids=["True", "False", "all", "Redact", "function"],
)
def test_each_way_to_redact(tmp_path, redact, expected):
    """The built-in rules, none, all, rules of one's own, and a function that sees what is left."""
    with agentlog.testing.capture_events(redact=redact) as captured:
        agentlog.record(
            Event("x", params={"password": PASSWORD, "code": 7, "note": "EMP-1", "page_token": "p"})
        )
        event = captured.one("x")
    assert expected == event.get("params")
    marks = json.dumps(expected or {}).count("[redacted: ")
    assert bool(marks) == bool(event.get("notes", {}).get("redacted"))


def test_secrets_are_counted():
    """Each that was replaced, wherever in the record."""
    with agentlog.testing.capture_events() as captured:
        key = KEYS["github p"]
        agentlog.record(
            Event("x", params={"password": 1, "a": f"{key} {key}", "b": [{"token": "x"}] * 3})
        )
        agentlog.record(Event("y", params={"a": "plain"}))
    assert {"redacted": 6} == captured.one("x")["notes"]
    assert "notes" not in captured.one("y")
