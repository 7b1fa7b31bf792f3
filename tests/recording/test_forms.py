"""Secrets known by their form, wherever they stand in a text, and ordinary words that are none."""

import pytest

from agentlog import Event
from tests.recording.journals import strict

# Made up, and put together here, so that no scanner of repositories takes them for real ones.
MIXED = "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY2zA4bC6dE8fG0hJ2kL4"
DIGITS = "0123456789abcdef" * 4
UPPER = "ABCD3FGH5JKLMN7P"
JWT = f"eyJ{MIXED[:20]}.eyJ{MIXED}.{MIXED[:43]}"
PEM = "-----BEGIN {0}PRIVATE KEY-----\n" + (MIXED * 2 + "\n") * 5 + "-----END {0}PRIVATE KEY-----"

SECRETS = {
    "openai": f"sk-{MIXED}",
    "openai project": f"sk-proj-{MIXED}_-{MIXED}",
    "openai service": f"sk-svcacct-{MIXED}",
    "openai admin": f"sk-admin-{MIXED}",
    "anthropic": f"sk-ant-api03-{MIXED}-{MIXED}AA",
    "openrouter": f"sk-or-v1-{DIGITS}",
    "groq": f"gsk_{MIXED}AAAA",
    "aws": f"AKIA{UPPER}",
    "aws session": f"ASIA{UPPER}",
    "github": f"ghp_{MIXED[:36]}",
    "github oauth": f"gho_{MIXED[:36]}",
    "github user": f"ghu_{MIXED[:36]}",
    "github server": f"ghs_{MIXED[:36]}",
    "github refresh": f"ghr_{MIXED[:36]}",
    "github fine-grained": f"github_pat_11{MIXED[:20]}_{MIXED}",
    "gitlab": f"glpat-{MIXED[:20]}",
    "gitlab runner": f"glrt-{MIXED[:20]}",
    "google": f"AIza{MIXED[:35]}",
    "google oauth": f"ya29.{MIXED}",
    "google client": f"GOCSPX-{MIXED[:28]}",
    "slack bot": f"xoxb-123456789012-{MIXED[:24]}",
    "slack app": f"xapp-1-A012-123-{DIGITS}",
    "stripe": f"sk_live_{MIXED[:24]}",
    "stripe restricted": f"rk_test_{MIXED[:24]}",
    "stripe webhook": f"whsec_{MIXED[:32]}",
    "hugging face": f"hf_{MIXED[:34]}",
    "npm": f"npm_{MIXED[:36]}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{MIXED}",
    "sendgrid": f"SG.{MIXED[:22]}.{MIXED[:43]}",
    "digitalocean": f"dop_v1_{DIGITS}",
    "databricks": f"dapi{DIGITS[:32]}",
    "twilio": f"SK{DIGITS[:32]}",
    "jwt": JWT,
    "pem": PEM.format(""),
    "pem rsa": PEM.format("RSA "),
    "pem openssh": PEM.format("OPENSSH "),
    "pem on one line": PEM.format("EC ").replace("\n", " "),
    "pem without an end": PEM.format("").partition("-----END")[0],
}

IN_TEXTS = {
    "bearer": ("Authorization: Bearer {}", f"{MIXED}"),
    "basic": ("Authorization: Basic {}", "dXNlcjpodW50ZXIyMTIzNA=="),
    "url": ("postgres://app:{}@db.example.com:5432/x", "hunter2"),
    "url without a user": ("redis://:{}@localhost/0", "hunter2"),
    "url of git": ("git clone https://oauth2:{}@gitlab.com/a/b.git", "s3cr3t-pass"),
    "slack hook": ("POST https://hooks.slack.com/{} failed", f"services/T0/B0/{MIXED[:24]}"),
    "url in PHP's JSON": (r'{{"url":"https:\\/\\/me:{}@h\\/x"}}', "hunter2"),
    "url with a slash": ("mongodb://me:{}@h/app up", "hun/ter#2"),
    "url in an address": ("next=https%3A%2F%2Fme%3A{}%40h%2Fx&lang=en", "hunter%2B2"),
    "netloc": ("ParseResult(scheme='x', netloc='me:{}@h', path='')", "hunter2"),
    "cookies": ("{{'cookies': <SimpleCookie: {}>}} and more", "sid='hunter2' b='x y'"),
    "cookie jar": ("<RequestsCookieJar[<Cookie {}>]>", "sid=hunter2 for h/"),
    "mysql": ("mysql -ubob -p{} db", "hunter2"),
    "redis": ("redis-cli -a {} ping", "hunter2"),
    "sshpass": ("sshpass -p {} ssh bob@host", "hunter2"),
    "curl": ("curl -b '{}' https://host/", "sid=hunter2; b=c"),
    "code": ("GET /cb?code={}&state=1", MIXED[:24]),
    "key without hyphens": ("use {} now", f"sk-{DIGITS[:32]}"),
    "key of two words": ("use {} now", "sk-lf-1234abcd-12ab-34cd-56ef-1234567890ab"),
    "url of any scheme": ("mongodb+srv://me:{}@cluster0.mongodb.net", "pa%24%24w0rd"),
}

ORDINARY = """\
the author's token budget
sk-learn is a library, and so is sk-image-processing-toolkit
https://user@host/path
git@github.com:org/repo.git
ssh://git@github.com/org/repo
http://localhost:8000/a@b
see RFC 6750 on Bearer tokens
the bearer of this letter
Basic knowledge of arithmetics
basic internationalisation
550e8400-e29b-41d4-a716-446655440000
d670460b4b4aece5915caf5c68d12f560a9fe3e4
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
gpt-4-0613 and claude-3-5-sonnet-20241022
text-embedding-ada-002
task-oriented-dialogue-systems-v2-2024
risk-adjusted-return-on-capital-2024
disk-usage-analyzer-2.0.1-linux-x86
data:text/plain;base64,SGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkISE=
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
hf_transfer is faster
npm_config_registry
pypi-server and pypi-mirror
xoxo from the SG. team
akiambo and asian cuisine
node_modules/sk-learn-utils-for-the-rest-of-us-2024
sk-learn-contrib-2024-release-candidate-one
postgres://{user}:{password}@{host}/x
http://[::1]:8080/@scope
docker run --name mysql -p3306:3306 -p 80:80 --user 1:1
https://host/?key=user-session-2024&code=404
ghp_ is the prefix of personal tokens
AIza is how they begin
see https://hooks.slack.com/ for more
https://example.com/?page=2&sort=name
https://example.com:8443/path?at=12:30@noon
2026-11-21T09:00:00+00:00
C:\\Users\\me\\project
mail me at jane.doe@example.com: today
ratio 3:2@4
whsec_short
dapi is an API
AccessKeyNotFoundException
eyJ is how a token begins
""".splitlines()


@pytest.mark.parametrize("secret", SECRETS.values(), ids=list(SECRETS))
@pytest.mark.parametrize(
    "text",
    ["{}", "the key is {}, said the log", 'x="{}"', "({})", "a={}&b=c", "line\n{}\nline", "'{}'"],
    ids=["alone", "prose", "quoted", "parentheses", "query", "line", "apostrophes"],
)
def test_a_secret_is_replaced_and_the_words_around_it_stay(tape, secret, text):
    """The secret is gone, its kind is named, and what stands before and behind it is there."""
    before, after = text.split("{}")
    line = tape.line(Event("x", params={"note": text.format(secret)}))
    written = strict(line)["params"]["note"]
    assert secret[-12:] not in written
    assert secret[8:24] not in written
    assert written.startswith(before)
    assert written.endswith(after) or "pem" in secret or "BEGIN" in secret
    assert "[redacted: " in written
    assert {"redacted": 1} == strict(line)["notes"]


@pytest.mark.parametrize(("text", "secret"), IN_TEXTS.values(), ids=list(IN_TEXTS))
def test_a_secret_in_its_usual_place(tape, text, secret):
    """In headers and addresses the secret is replaced, and only the secret."""
    written = tape.param(text.format(secret))
    assert secret not in written
    before, after = text.format("\0").split("\0")
    if "Authorization" not in before:
        assert written.startswith(before)
    assert written.endswith(after)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay(tape, text):
    """What only looks a little like a secret is written as it is."""
    record = tape.record(Event("x", params={"note": text}))
    assert text == record["params"]["note"]
    assert "notes" not in record


def test_two_secrets_in_a_text_are_two(tape):
    """Each secret is replaced, and each is counted."""
    first, second = SECRETS["github"], SECRETS["openai"]
    record = tape.record(Event("x", params={"note": f"{first} and {second} and {first}"}))
    expected = "[redacted: github token] and [redacted: openai key] and [redacted: github token]"
    assert expected == record["params"]["note"]
    assert {"redacted": 3} == record["notes"]


@pytest.mark.parametrize("name", ["anthropic", "openrouter", "openai", "github", "aws"])
def test_the_kind_is_named(tape, name):
    """What stands in place of a secret says whose it was."""
    written = tape.param(SECRETS[name])
    assert written.startswith(f"[redacted: {name}")


@pytest.mark.parametrize("name", ["openai project", "google", "github", "jwt", "sendgrid"])
@pytest.mark.parametrize("where", ["before", "across", "behind"])
def test_a_secret_at_the_cut_leaves_nothing(tape, name, where):
    """A text is redacted before it is cut: no piece of a secret is left at 256 KiB."""
    secret = SECRETS[name]
    at = (256 << 10) + {"before": -len(secret) - 10, "across": -18, "behind": 100}[where]
    written = tape.param("word " * (at // 5) + secret + " word" * 2000)
    assert secret[:4] not in written
    assert MIXED[:8] not in written


def test_a_long_private_key_is_replaced_whole(tape):
    """A PEM block of many lines, however its lines end, leaves no line behind."""
    for end in ("\n", "\r\n", "\\n"):
        written = tape.param("key: " + PEM.format("RSA ").replace("\n", end) + end + "the end")
        assert MIXED[:12] not in written
        assert written.endswith("the end")
