"""Secrets in every field of a record; and the rules that a user adds, keeps and gets wrong."""

import time
from contextlib import suppress

import pytest
import structlog

from agentlog import ConfigurationError, Event, EventProcessor, Redact
from tests.recording.journals import Tape, strict

SECRET = "hunter2-Zx9"
GITHUB = "ghp_" + "a1B2" * 9

SECRET_TEXTS = """\
password={}
password: {}
password = "{}"
PASSWORD='{}'
pwd={}; user=me
api_key={}&page=2
api_key: {}, next
?access_token={}&page=2
https://example.com/?api_key={}&page=2
{{"access_token": "{}", "user": "me"}}
{{'password': '{}'}}
export AWS_SECRET_ACCESS_KEY={}
set DB_PASSWORD={} && run
run --password {} --verbose
run --api-key={} --verbose
run --auth-token {}
X-Api-Key: {}
Cookie: session={}; theme=dark
Set-Cookie: id={}; Path=/; HttpOnly
Server=db;User Id=sa;Password={};Encrypt=yes
DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net
jdbc:postgresql://host/db?user=me&password={}
Driver={{SQL}};Uid=me;Pwd={};
client_secret => {}
"{{\\"password\\": \\"{}\\"}}"
secret: {}
auth_token: {}
dbPassword={}
passphrase: "{}"
token={}
login failed: password={} was refused
""".splitlines()

ORDINARY_TEXTS = """\
tokens_used=512
max_tokens=4096
the author's token budget: 4096
session 3 of the workshop
secretary of state: Jane
sort_key=name
pass=5 fail=3
key=value
primary_key: id
tokenizer: bert
author: Jane Doe
the password is wrong
forgot password?
enter your password
token_count: 12
prompt_tokens=12 completion_tokens=9
see the section "API key" of the manual
cookies are tasty
passed: 12, failed: 0
monkey=bananas
keyboard: qwerty
the secret of success is work
"key": "value"
2 tokens: hello world
compass=north
lib/test_secrets.py:12
password.py:7: error
authors=Jane,Joe
bypass: true
auth_method=none
oauth_enabled: true
""".splitlines()


# -- By the name before it -------------------------------------------------------------------------


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_what_stands_behind_a_secrets_name_is_replaced(tape, text):
    """The value goes; the name and the words around it stay."""
    before, after = text.format("\0").split("\0")
    written = tape.param(text.format(SECRET))
    assert "hunter2" not in written
    assert "Zx9" not in written
    if "Cookie" not in text:
        assert written.startswith(before)
        assert written.endswith(after)


@pytest.mark.parametrize("text", ORDINARY_TEXTS)
def test_ordinary_texts_stay(tape, text):
    """A log that eats ordinary words is as useless as one that leaks."""
    record = tape.record(Event("x", params={"note": text}))
    assert text == record["params"]["note"]
    assert "notes" not in record


@pytest.mark.parametrize("secret", ["x", "1234", "pä55wörd-ünïcode", "a" * 300, "tr0ub4dor&3"])
def test_secrets_of_any_shape_behind_their_name(tape, secret):
    """Short, long and foreign secrets behind `password=` leave nothing behind."""
    assert f'"{secret}"' not in tape.param(f'password="{secret}"')
    assert {"password": "[redacted: password]"} == tape.param({"password": secret})


# -- Everywhere in a record ------------------------------------------------------------------------


def test_in_every_field_of_an_event(tape):
    """Names, tags, models, prompts and payloads are redacted alike."""
    line = tape.line(
        Event(
            f"clone {GITHUB}",
            params={"a": GITHUB, GITHUB: 1},
            returns=GITHUB,
            model=GITHUB,
            prompt=[{"role": "user", "content": GITHUB}],
            tags=[GITHUB],
        )
    )
    assert GITHUB.encode() not in line
    assert {"redacted": 7} == strict(line)["notes"]


def test_in_an_exception(tape):
    """Message, traceback, source line, notes, cause and arguments of a failure are redacted."""
    with suppress(RuntimeError), tape.client.action("x"):
        try:
            raise ValueError(f"password={SECRET}")
        except ValueError as error:
            error.add_note(f"tried {GITHUB}")
            raise RuntimeError(SECRET, f"token={SECRET}x") from error  # password=hunter2-Zx9
    close = tape.lines()[-1]
    assert b"password=hunter2" not in close
    assert b"token=hunter2" not in close
    assert GITHUB.encode() not in close
    assert "RuntimeError" == strict(close)["error"]["type"]
    assert b"[redacted: password]" in close


def test_in_reasons_ratings_and_sessions(tmp_path):
    """What is told at the end of an action or a session is redacted too."""
    tape = Tape(tmp_path, tags=[f"deploy {GITHUB}"])
    with tape.client.action("x") as action:
        action.fail(f"refused {GITHUB}")
    tape.client.start_session(tags=[GITHUB])
    tape.client.end_session("Fail", rating=GITHUB, reason=f"password={SECRET}")
    written = (tmp_path / "journal" / "local").glob("*.jsonl")
    text = b"".join(path.read_bytes() for path in written)
    assert GITHUB.encode() not in text
    assert SECRET.encode() not in text


def test_in_log_lines_and_breadcrumbs(tape):
    """Of a log line and of what is remembered of others, no secret is written."""
    chain = [EventProcessor(tape.client)]
    logger = structlog.wrap_logger(structlog.testing.ReturnLogger(), processors=chain)
    with suppress(ValueError), tape.client.action("x"):
        logger.info(f"login with {GITHUB}", user_password=SECRET)  # noqa: G004 - as careless people do
        logger.info("nested", data={"api_key": SECRET})
        logger.info("get", text=f"password={SECRET}", action_type="api", headers={"Cookie": SECRET})
        raise ValueError("boom")
    text = b"\n".join(tape.lines())
    assert GITHUB.encode() not in text
    assert SECRET.encode() not in text
    assert 2 == len(strict(text.split(b"\n")[-1])["log"])


def test_in_what_a_generator_yields(tape):
    """A secret that two items cut in two is found in the text that they make."""

    @tape.client.record_action("stream")
    def stream():
        yield "the key is " + GITHUB[:10]
        yield GITHUB[10:] + " and more"

    list(stream())
    close = strict(tape.lines()[-1])
    assert "the key is [redacted: github token] and more" == close["returns"]


def test_in_parameters_and_their_defaults(tape):
    """A function's parameters are redacted by their names, defaults and keywords too."""

    @tape.client.record_action("login")
    def login(user, password, api_key="default-secret", **more):
        return user

    login("me", SECRET, session_token=SECRET)
    text = tape.lines()[-2]
    assert SECRET.encode() not in text
    assert b"default-secret" not in text
    assert "me" == strict(text)["params"]["user"]


# -- Cost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJ.",
        "a:",
        "password=",
        "password ",
        "--password ",
        "://",
        "://a:",
        "://:@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "Bearer ",
        "Basic ",
        "sk-",
        "sk-ant-",
        "xoxb-",
        "token:",
        'token:"',
        "token\\\\",
        "key=",
        "SG.a.",
        "a.b-c_",
        "\u0130password=",
        "https://a.b/?key=1&token ",
    ],
)
def test_time_grows_with_the_length_only(tape, piece):
    """Whatever is repeated through 200 kB, redacting takes well under a second."""
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    tape.record(Event("x", params={"value": text}))
    assert time.process_time() - start < 0.5


# -- Rules of your own -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"keys": "ssn"}, "it is a list"),
        ({"keys": ["--"]}, "it is a name"),
        ({"keys": [3]}, "it is a name"),
        ({"keys": 3}, "it is a list"),
        ({"keep": "page_token"}, "it is a list"),
        ({"keep": [None]}, "it is a name"),
        ({"patterns": "x+"}, "it is a list"),
        ({"patterns": ["("]}, "not a regular expression"),
        ({"patterns": [b"x"]}, "a pattern of text"),
        ({"patterns": [3]}, "not a regular expression"),
    ],
)
def test_wrong_rules_are_refused(arguments, expected):
    """A wrong rule raises where it is written, and says what is accepted."""
    with pytest.raises(ConfigurationError, match=expected):
        Redact(**arguments)


def test_what_a_refusal_shows_holds_no_secret():
    """A message names the value that is refused, and not a secret in it."""
    with pytest.raises(ConfigurationError) as caught:
        Redact(keys=GITHUB)
    assert "Redact(keys='[redacted: github token]') is not accepted" in str(caught.value)


def test_kept_names_win(tmp_path):
    """A name that is kept stays in mappings and in texts; others like it do not."""
    tape = Tape(tmp_path, redact=Redact(keep=["page_token", "cookie policy"]))
    value = {"page_token": "p1", "nextPageToken": "p2", "token": "p3", "cookie_policy": "strict"}
    expected = {**value, "token": "[redacted: token]"}
    assert expected == tape.param(value)
    assert "page_token=p1 token=[redacted: token]" == tape.param("page_token=p1 token=p3")


def test_added_names_are_found_in_texts_too(tmp_path):
    """A name that was added is secret by its words, as key and before a value."""
    tape = Tape(tmp_path, redact=Redact(keys=["social security number", "PIN"]))
    assert "[redacted: pin]" == tape.param({"userPin": 1234})["userPin"]
    assert "pin=[redacted: pin], spin=3" == tape.param("pin=1234, spin=3")
    text = tape.param("social_security_number: 078-05-1120")
    assert "078-05-1120" not in text


@pytest.mark.parametrize("pattern", ["", "x*", r"(?=x)", r"\b"])
def test_a_pattern_that_matches_nothing_harms_nothing(tmp_path, pattern):
    """A pattern that fits the empty text leaves other texts as they are, in time."""
    assert "a b" == Tape(tmp_path, redact=Redact(patterns=[pattern])).param("a b")


@pytest.mark.parametrize(
    "text",
    [
        "token: the smallest unit a model reads",
        "if token == END: break",
        "def f(token: str) -> None",
        "token = tokenizer.next()",
        "api_key: str | None = None",
        "password=None",
        "api_key=os.environ['X']",
        "The secret: work hard.",
        "authorization: required",
        "password_length=17",
        "cookies_enabled=True",
    ],
)
def test_prose_and_code_about_secrets_stay(text):
    """A name before a colon is a sentence, and before a call it is a program."""
    assert (text, 0) == Redact().clean(text)


@pytest.mark.parametrize(
    "text",
    [
        """ValueError({"password": b"hunter2"})""",
        "Config(password=SecretStr('hunter2'))",
        r"""{"password": "a\"hunter2"}""",
        '''password="it's hunter2"''',
        "postgres://u:p@hunter2@host/db",
        "PGPASSWORD=hunter2",
        "DB_PASS=hunter2",
        "curl -u alice:hunter2 https://host/",
    ],
)
def test_a_secret_is_replaced_whole(text):
    """Also behind a prefix, a call, an escaped quote or a sign of its own."""
    clean, found = Redact().clean(text)
    assert "hunter2" not in clean
    assert 1 == found


def test_the_place_in_a_file_is_none(tmp_path):
    """A file may be named for secrets; a name in a file's manner still is one."""
    rules = Redact()
    assert ("at secrets.py:12.", 0) == rules.clean("at secrets.py:12.")
    assert ("db.pwd:[redacted: pwd]", 1) == rules.clean("db.pwd:1234567")
    assert ("secrets.py:[redacted: secrets]", 1) == rules.clean("secrets.py:hunter2x")
