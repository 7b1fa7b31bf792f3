"""The forms of secrets: what a key of each vendor looks like, as data.

A form has hints, of which one is in every text that holds such a secret, and a sign that they all
have and that is found faster; its expression is tried only then. A group named `secret` marks the
part to replace, else it is the whole match. Each repetition is bounded, so that no text costs more
than time in proportion to its length.

The forms follow the public lists of gitleaks, detect-secrets and trufflehog.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Form(NamedTuple):
    """One kind of secret that is known by its form."""

    kind: str
    hints: tuple[str, ...]
    sign: str
    expression: str

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find the secrets of this form in a text: where they begin and end, and their kind."""
        # `re` keeps what it compiled; most programs meet no secret, and need not compile at import.
        for match in re.finditer(self.expression, text, re.ASCII):
            group = "secret" if match.groupdict().get("secret") else 0
            yield *match.span(group), self.kind


def find_forms(text: str) -> Iterator[tuple[int, int, str]]:
    """Find the secrets of all forms in a text."""
    for form in FORMS:
        if form.sign in text and any_of(form.hints, text):
            yield from form.find(text)


def any_of(hints: tuple[str, ...], text: str) -> bool:
    """Say whether a text holds one of some texts."""
    for hint in hints:  # noqa: SIM110 - any() and its generator cost more than the search
        if hint in text:
            return True
    return False


def _form(kind: str, hints: str, expression: str) -> Form:
    several = tuple(hints.split(","))
    sign = next((sign for sign in _SIGNS if all(sign in hint for hint in several)), "")
    return Form(kind, several, sign, expression)


def _word(prefix: str) -> str:
    r"""Match a prefix where a word begins; also behind `\n`, `%3D` and a colour, all as escapes.

    Whatever a prefix matches has one length, for Python's looking behind needs it.
    """
    escapes = (
        r"\\[abefnrtv0]",
        "%[0-9A-F]{2}",
        r"\\x[0-9a-f]{2}",
        r"\\u[0-9a-f]{4}",
        r"[\[;\d]\dm",
    )
    behind = "|".join(f"(?<={escape}{prefix})" for escape in escapes)
    return f"{prefix}(?:(?<![A-Za-z0-9]{prefix})|{behind})"


def _of_command(name: str, option: str) -> str:
    """Match the value of an option of a command that has it for a password."""
    value = r"['\"]?(?P<secret>(?<=['\"])[^'\"\n]{1,2000}|[^\s'\"]{1,200})"
    return rf"\b{name}\b[^\n|]{{0,200}}? {option}{value}"


_SIGNS = "_JKGRIS%/-A=."  # the rarest first
_END = r"(?![A-Za-z0-9])"
_PEM = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
_BREAK = r"(?:\\{1,8}[nrt]|<br>|[^A-Za-z0-9+/=-]){1,24}+"
_HEADER = r"[A-Z][\w-]{2,20}: [^\n\\]{1,100}"
_AWS = r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])"
_HOOK = r"hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/]{20,255})"

GITLAB = (
    "glpat-",
    "gldt-",
    "glrt-",
    "glrtr-",
    "glcbt-",
    "glptt-",
    "glft-",
    "glimt-",
    "glagent-",
    "glsoat-",
    "glffct-",
    "gloas-",
    "glwt-",
)

FORMS = (
    _form(
        "private key",
        "-----BEGIN",
        _PEM + r"[^-]{0,20000}+(?:-{1,4}(?!-)[^-]{0,20000}+){0,64}-----END [A-Z ]{0,60}-----",
    ),
    _form(  # without an end: as far as its lines go, and what looks like the rest of one
        "private key",
        "-----BEGIN",
        rf"{_PEM}(?:(?:{_BREAK})?(?:{_HEADER}|[A-Za-z0-9+/=]{{16,}}+)){{0,800}}"
        rf"(?:{_BREAK}(?=[A-Za-z]{{0,15}}[0-9=+/]|\w{{1,15}}\W{{0,8}}\Z)[A-Za-z0-9+/=]{{1,15}})?",
    ),
    _form(
        "jwt",
        "eyJ",
        _word("eyJ") + r"[\w-]{8,1024}+\.[\w-]{4,8192}+(?:\.[\w-]{1,8192}+){0,16}",
    ),
    _form("anthropic key", "sk-ant-", r"sk-ant-[\w-]{16,512}"),
    _form("openrouter key", "sk-or-", r"sk-or-[\w-]{16,512}"),
    _form(
        "openai key",
        "sk-",
        _word("sk-") + r"(?:proj|svcacct|admin|None)-(?=[A-Za-z_-]{0,160}[0-9])[\w-]{16,512}",
    ),
    _form(  # also other vendors' keys; and no words that hyphens join, such as sk-learn-2024
        "openai key",
        "sk-",
        rf"{_word('sk-')}(?:(?:[a-z]{{2,12}}-){{0,2}}(?=[A-Za-z_]{{0,160}}[0-9])"
        r"(?:\w{16,512}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[\w-]{0,512}"
        r"|(?=[a-z0-9_-]{0,160}[A-Z])(?=[\w-]{0,160}(?:[0-9][A-Za-z]|[A-Za-z][0-9]))[\w-]{16,512})",
    ),
    _form("groq key", "gsk_", r"gsk_[A-Za-z0-9]{20,512}"),
    _form(
        "aws key",
        "AKIA,ASIA,ABIA,ACCA,A3T",
        rf"{_word(_AWS)}[A-Z0-9]{{16}}(?:{_AWS}[A-Z0-9]{{16}}){{0,9}}{_END}",
    ),
    _form(
        "aws key",
        "ABSK,bedrock-api-key-",
        r"(?:ABSK|bedrock-api-key-)(?=[A-Za-z/+]{0,99}[0-9])[A-Za-z0-9+/]{64,1024}={0,2}",
    ),
    _form(
        "github token",
        "ghp_,gho_,ghu_,ghs_,ghr_",
        r"gh[pousr]_(?=[A-Za-z0-9]{20})\w{20,1024}",
    ),
    _form("github token", "github_pat_", r"github_pat_\w{20,1024}"),
    _form(
        "gitlab token",
        ",".join(GITLAB),
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|soat|ffct|oas|wt)-"
        r"[\w=-]{16,512}(?:\.[\w-]{2,64}){0,3}",
    ),
    _form("gitlab token", "GR1348941", r"GR1348941[\w-]{16,512}"),
    _form("google key", "AIza", r"AIza[\w-]{35}"),
    _form("google key", "AQ.Ab", r"AQ\.Ab[\w-]{30,100}"),
    _form("google token", "ya29.", r"ya29\.(?:[a-z]\.)?[\w-]{16,2048}"),
    _form("google token", "GOCSPX-", r"GOCSPX-[\w-]{20,64}"),
    _form("google token", "1//0", _word("1//0") + r"[\w-]{20,255}"),
    _form(
        "slack token",
        "xox",
        r"xox[abcdeoprs](?:\.xox[bp])?-(?:[A-Za-z0-9-]|%2[BF]|%3D){10,1024}",
    ),
    _form("slack token", "xapp-,xwfp-", r"x(?:app|wfp)-[A-Za-z0-9-]{10,1024}"),
    _form("slack hook", "hooks.slack.com", _HOOK),
    _form(
        "stripe key",
        "_live_,_test_,_prod_",
        _word("[sr]k_") + r"(?:org_)?(?:live|test|prod)_[A-Za-z0-9]{10,255}",
    ),
    _form("stripe webhook key", "whsec_", r"whsec_[A-Za-z0-9+/=]{16,255}"),
    _form("hugging face token", "hf_,api_org_", r"(?:hf_|api_org_)[A-Za-z0-9]{30,64}"),
    _form("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _form("pypi token", "pypi-AgE", r"pypi-AgE[\w-]{16,1024}"),
    _form("sendgrid key", "SG.", _word("SG") + r"\.[\w-]{16,64}\.[\w-]{16,128}"),
    _form("digitalocean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _form("databricks token", "dapi", rf"{_word('dapi')}[a-f0-9]{{32}}(?:-\d)?{_END}"),
    _form("twilio key", "SK,AC", rf"{_word('(?:SK|AC)')}[0-9a-f]{{32}}{_END}"),
    _form(
        "bearer",
        "earer ,EARER",
        r"(?:[Bb]earer|BEARER) {1,8}"
        r"(?P<secret>(?=[A-Za-z._~+/-]{0,200}[0-9])[A-Za-z0-9._~+/-]{8,4096}=*)",
    ),
    _form(
        "basic",
        "asic ,ASIC ",
        r"\b(?:[Bb]asic|BASIC)[ ]{1,8}"
        r"(?P<secret>(?=[A-Za-z+/]{0,400}[0-9=])[A-Za-z0-9+/]{8,4096}={0,2})",
    ),
    _form(  # curl's -u name:password, and not docker's -u 1000:1000
        "password",
        " -u ,--user ",
        r" (?:-u|--user) {1,4}['\"]?([^\s:'\"]{1,100}):(?!\1\b|\d{1,9}\b)"
        r"(?P<secret>[^\s'\"]{1,200})",
    ),
    _form("password", "sshpass -p", r"sshpass -p\s{0,8}['\"]?(?P<secret>[^\s'\"]{1,200})"),
    _form("password", "redis-cli ", _of_command("redis-cli", "(?:-a|--pass) {1,4}")),
    _form("password", "mysql", _of_command(r"mysql(?:dump|admin|import)?", r"-p(?!\d{1,5}:)")),
    _form(
        "cookie",
        "curl ",
        _of_command("curl", r"(?:-b|--cookie)[ =]{1,4}(?=['\"]?[^\s=;'\"]{1,100}=)"),
    ),
    _form(
        "cookie",
        "Cookie",
        r"<(?:\w{0,40}\.)?\w{0,40}Cookie(?::[ ]|[ ](?=\S{1,100}=))(?P<secret>[^<>\n]{1,4096}+)>",
    ),
    _form(
        "password",
        "IDENTIFIED",
        r"IDENTIFIED\s{1,8}(?:WITH \S{1,64} )?(?:BY|AS)\s{1,8}(?:PASSWORD\s{1,8})?"
        r"(?P<quote>['\"])(?P<secret>[^'\"\n]{1,512})(?P=quote)",
    ),
    _form(  # requests' auth=("name", "password"), and npm's _auth=…
        "password",
        "auth=",
        r"auth=\(\s{0,8}['\"][^'\"\n]{0,200}['\"],\s{0,8}['\"](?P<secret>[^'\"\n]{1,512})",
    ),
    _form("password", "_auth=", r"(?<!\w)_auth=(?P<secret>[\w+/=-]{4,4096})"),
    _form("password", ":thin:", r":thin:[^\s/@]{1,100}/(?P<secret>[^\s@]{1,200})@"),
    _form(  # also where a `/` or `#` of the password is written as it is
        "password",
        "//,\\/",
        r"/\\{0,127}+/[^\s/@:?#\[\"'\\]{0,256}:(?!(?:\{\w{0,40}\}|\$\{\w{1,40}\}|%s|<\w{1,40}>)@)"
        r"(?P<secret>[^\s/\"']{1,512}(?=@)"
        r"|(?!\d{1,5}[/?#\\]|port\b|[{<$%])(?<!/:)[^\s\"'@<>,;]{1,256}+(?=@))",
    ),
    _form(
        "password",
        "2F%,2f%",
        r"%(?:25){0,3}2[Ff]%(?:25){0,3}2[Ff][^\s/@:?#\"'%&]{0,256}%(?:25){0,3}3[Aa]"
        r"(?P<secret>(?:[^\s%&\"'<>/]|%(?!(?:25){0,3}(?:40|2[Ff6]))){1,512})(?=%(?:25){0,3}40)",
    ),
    _form(  # what urlparse returns
        "password",
        "netloc",
        r"\bnetloc[\"']?[=:]\s?[\"'][^\s/@:\"']{0,256}:(?P<secret>[^\s\"']{1,512})(?=@)",
    ),
    _form(
        "key",
        "key=,code=",
        r"[?&](?:key|code)=(?P<secret>(?=[A-Za-z_-]{0,64}[0-9])(?=[a-z0-9_-]{0,64}[A-Z])"
        r"[\w-]{16,512})",
    ),
    _form(  # a token in the place of the user
        "token",
        "//",
        r"//(?P<secret>(?=[A-Za-z_]{0,255}[0-9])(?=[0-9_]{0,255}[A-Za-z])\w{16,255})@",
    ),
    _form(
        "signature",
        "sig=,ignature=",
        r"(?:[?&;]sig|X-(?:Amz|Goog)-Signature)=(?P<secret>[A-Za-z0-9%+/=_-]{16,512})",
    ),
)
