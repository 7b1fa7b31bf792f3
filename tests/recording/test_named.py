"""Secrets in a text by the name before them; and texts about secrets that hold none."""

import shlex
import subprocess
import sys
import time

import pytest

from agentlog import Redact
from tests.recording.made_up import ALNUM, MadeUp

MAKE = MadeUp(20260501)
RULES = Redact()

# `⏎` is a new line, `␛` an escape character and `·` a sign of no width.
NAMED = """\
password={}
password:{}
Password: {}
pwd = "{}"
`password`: `{}`
**password**: {}
**Password:** {}
'password' => '{}'
password := "{}"
password -> {}
:password => "{}"
password=({})
password=[{}]
Pwd={{{}}};Encrypt=yes
password == "" or password="{}"
password: str = "{}"
var apiKey: string = "{}";
password: !vault {}
password:⏎  {}
password: |⏎  {}⏎port: 5432
password = \"\"\"{}\"\"\"
password={}\\nhost=db
password={}\\\\nhost=db
\\npassword={}
\\ntoken={}
%26token%3D{}
api_key%3D{}%26page%3D2
https%3A%2F%2Fapi.example.org%2F%3Faccess_token%3D{}%26page%3D2
␛[36mpassword␛[0m=␛[35m{}␛[0m
\\x1b[36mtoken\\x1b[0m: {}
pass·word={}
env["API_KEY"] = "{}"
user[password]={}
{{"password": ["{}", "x"], "host": "db"}}
{{"password": {{"a": "{}"}}, "host": "db"}}
{{\\"password\\": \\"{}\\", \\"host\\": \\"db\\"}}
{{\\\\\\"password\\\\\\": \\\\\\"{}\\\\\\", \\\\\\"host\\\\\\": 1}}
[('password', '{}'), ('user', 'bob')]
OrderedDict([('password', '{}')])
[(b'authorization', b'{}')]
["authorization", "Basic {}"]
['--password', '{}', 'file']
["run", "--api-key", "{}"]
--password {}
--password "{}"
-password {}
<password>{}</password>
<ns:Password type="x">{}</ns:Password>
<password><![CDATA[{}]]></password>
&lt;password&gt;{}&lt;/password&gt;
<add key="Password" value="{}"/>
<property name="password">{}</property>
<input type="password" name="pw" value="{}">
password=&quot;{}&quot;
{{"name": "API_KEY", "value": "{}"}}
name=password value={}
Content-Disposition: form-data; name="password"\\r\\n\\r\\n{}\\r\\n--x
Content-Disposition: form-data; name="password"⏎⏎{}⏎--x
ALTER USER bob WITH PASSWORD '{}' NOLOGIN
CREATE USER bob IDENTIFIED BY '{}'
SET PASSWORD FOR bob = '{}'
CREATE LOGIN bob WITH PASSWORD = N'{}'
Authorization: token {}
Authorization: {}
Authorization: Digest username="bob", realm="a b", response="{}"
Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature={}
curl -H 'Authorization: ApiKey {}' https://h/
Cookie: theme=dark; sid={}; lang=en
API key: {}
Secret Key = {}
session cookie: {}
private key: {}
the password is {}
Your password has been set to {}
| password | {} |
ENV DB_PASSWORD {}
setx API_KEY {}
Bearer {}
requests.get(url, auth=('bob', '{}'))
https://example.org/?sig={}&page=2
AccountName=a;AccountKey={}==;EndpointSuffix=x
Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey={}
- name: DB_PASSWORD⏎  value: {}⏎- name: TZ⏎  value: UTC
- name: DB_PASSWORD\\n  value: {}\\n- name: TZ
password: >-\\n    {}\\n  port: 5432
password: str = \\"{}\\"
␛[36mpassword␛[0m: ␛[35m{}␛[0m
\\x1b[36mpassword\\x1b[0m=\\x1b[35m{}\\x1b[0m
<input type="hidden" name="csrfmiddlewaretoken" value="{}"><b>hi</b>
Content-Disposition: form-data; name="password"⏎    | ⏎    | {}⏎    | --x
password⏎  Input should be a valid integer [type=int_parsing, input_value='{}', input_type=str]
""".splitlines()
SIGNS = str.maketrans({"⏎": "\n", "␛": "\x1b", "·": "\u200b"})

WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})

HARMLESS = """\
the author's token budget
Unexpected token '<' at position 0
an open secret
the secret garden: a novel
- [ ] rotate the API keys
press any key: enter
primary key: id
foreign key = 3
The API keys are rotated on Monday
Please set the OPENAI_API_KEY environment variable
the token is not valid
the token limit is 4096
the next token: " the"
eos_token='</s>'
pad_token_id=0
next_token=the
time_to_first_token: 0.3
token: 512
tokens=512
secrets_found=0
api_key_id=3
cookie_count=3
password_length=12
secret: true
password: must have 8 characters
--no-password
--no-password --verbose
--password-file /run/x
--token-count 5
use --password to log in
--api-key is required
arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db
the arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db is there
SharedAccessKeyName=Root
projects/p/secrets/s/versions/1
secret/data/app
lib/password.py:7
api_key=${API_KEY}
api_key=$API_KEY
password: ${DB_PASSWORD}
password={{ db_password }}
password=%(password)s
password=%s
password={password}
password=***
password=********
password: [hidden]
token=<token>
api_key="<your-api-key>"
Authorization: Bearer <token>
Authorization: Bearer $TOKEN
Authorization: required
authorization: none
credentials: 'same-origin'
credentials=include
bearer: none
token_type=bearer
grant_type=password
api_key=api_key
api_key=settings.api_key
self.password = password
self._pwd = pwd
password = getpass.getpass("Password: ")
token = get_token()
token = os.environ.get("TOKEN")
api_key=os.environ["API_KEY"]
tokens = text.split()
lambda token: token.lower()
def login(user: str, password: str) -> None:
password: str
password: str = Field(...)
api_key: Optional[str] = None
if token == None:
if password is None: raise ValueError
for token in tokens: yield token
| name | API key |
| token | the text's smallest unit |
| password | required |
SELECT password, email FROM users
INSERT INTO users (id, password, email) VALUES
["user", "password", "email"]
<input type="password">
<label for="password">Password</label>
["password", "email", "name"]
password < 3 and x > 4
https://example.org/api-keys
#frag
a token of love
sha256 is no password
the password algorithm sha256
vault token lookup
kubectl get secret db -o yaml
Unexpected token: '}' at line 3
TODO: handle the password: it may be empty
${API_KEY:-}
docker run --cookie-jar x
const f = token => { return 1; };
""".splitlines()


def clean(text):
    """Return the text without its secrets."""
    return RULES.clean(text)[0]


@pytest.mark.parametrize("template", NAMED)
@pytest.mark.parametrize("frame", ["{}", "before {} behind", "first\n{}\nlast"])
def test_what_stands_behind_a_name_is_replaced(template, frame):
    """However the name is joined to it, the value goes and is counted, and words around it stay."""
    secret = MAKE.password()
    text = template.translate(SIGNS).format(secret)
    frame = "{}" if "\n" in text and "behind" in frame else frame
    written, found = RULES.clean(frame.replace("{}", text))
    assert secret[3:] not in written
    assert secret[:6] not in written
    assert 1 == found
    assert RULES.might_hold_secret(text)
    for word in frame.split("{}"):
        assert word in written


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_secrets_stays(text):
    """Prose, code, placeholders, flags and tables are written as they are."""
    for frame in ("{}", "before {}", "{} behind", "first\n{}\nlast"):
        whole = frame.replace("{}", text)
        assert (whole, 0) == RULES.clean(whole)


@pytest.mark.parametrize("joint", ["=", ": ", "\u00a0=\u00a0"])
def test_a_name_in_wide_letters(joint):
    """As Chinese and Japanese keyboards write them."""
    secret = MAKE.password()
    for text in (f"password{joint}".translate(WIDE), "password" + joint.translate(WIDE)):
        assert secret not in clean(f"{text}{secret} behind")


def test_an_option_and_its_value_in_an_error_of_a_process():
    """As Python prints the command of a program that failed."""
    secret = MAKE.password()
    command = [sys.executable, "-c", "raise SystemExit(3)", "--password", secret]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(command, check=True)
    assert secret not in clean(str(caught.value))
    assert secret not in clean(shlex.join(command))
    assert secret not in clean(repr([part.encode() for part in command]))


def test_a_kept_name_does_not_open_another():
    """Of a longer name, the words that are kept do not count, and the others do."""
    rules = Redact(keep=["page_token"])
    assert rules.kind_of_key("page_token") is None
    assert rules.kind_of_key("nextPageToken") is None
    assert "secret" == rules.kind_of_key("my_page_token_secret")


@pytest.mark.parametrize(
    "name",
    [
        "XMLAPIKey",
        "pass_word",
        "PassWord",
        "pass_phrase",
        "accesskey",
        "privatekey",
        "authtoken",
        "clientsecret_key",
        "api_keys",
        "accessTokens",
        "SECRET_KEY_BASE",
        "pass\u200bword",
        "PGPASSWORD",
        "password".translate(WIDE),
    ],
)
def test_a_name_in_any_spelling(name):
    """Words that are glued together or apart, wide letters, and signs of no width."""
    assert RULES.kind_of_key(name)


@pytest.mark.parametrize(
    "name", ["password_file", "token_name", "has_cookie", "eos_token", "secretary"]
)
def test_a_name_that_is_about_a_secret(name):
    """What says something of a secret is none."""
    assert RULES.kind_of_key(name) is None


def test_a_secret_behind_a_sign_of_no_width():
    """Signs that nobody sees hide nothing, wherever they stand."""
    key = "ghp_" + MAKE.word(ALNUM, 36)
    for text in (
        f"abc\u200b{key}",
        f"{key[:12]}\u200b{key[12:]}",
        f"\ufeff{key}",
        f"\x1b[31m{key}",
    ):
        written = clean(text)
        assert key[16:] not in written
        assert "[redacted: github token]" in written


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "-eyJ",
        "a:",
        "password=",
        "password: ",
        "password:\n",
        "password:\n ",
        "password: |\n ",
        "<password>",
        "<password x",
        "('password', ",
        "['--password', ",
        '"password" name="',
        'name="password" ',
        'name="password"\n',
        '{"password":',
        '{"password":["',
        '{\\"password\\":',
        '\\\\\\"token\\\\\\":\\\\\\"',
        'password="',
        "password='''",
        "password={",
        "password=(1",
        "password\n  ",
        "the password is ",
        "the password is set to ",
        "IDENTIFIED BY PASSWORD ",
        "Authorization: Digest a=",
        'Authorization: a="b", ',
        "Cookie: a=b; ",
        "api_key%3D",
        "\\",
        '\\"',
        "'",
        "Bearer ",
        "Basic ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----AAAAAAAAAAAAAAAAAAAA",
        "://",
        "x://:",
        "//a",
        "//a:",
        "1//0",
        "sk-",
        "sk-ant-",
        "AKIA",
        "ghp_",
        "glpat-",
        "xoxb-",
        "SG.a",
        "[redacted: x]",
        "\u200b",
        "\x1b[1m",
        "\uff1d",
        "arn:secret:",
        "key ",
        "api key ",
        "token ",
        "secret|",
        "token of ",
        "a://b:c/",
        "%2F%2Fa%3A",
        "mysql -p",
        "<Cookie: ",
        "sk-a1B-",
        "password={a;",
        "password='\\\\'",
    ],
)
def test_time_grows_with_the_length_only(piece):
    """Whatever is repeated through 60 kB, also with a name in the end."""
    text = piece * (60_000 // len(piece)) + " password='"
    start = time.process_time()
    RULES.might_hold_secret(text)
    RULES.clean(text)
    assert time.process_time() - start < 1
