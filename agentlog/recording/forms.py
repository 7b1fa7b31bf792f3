"""The forms of secrets: what a key of each vendor looks like, as data.

A form has hints, of which one is in every text that holds such a secret; its expression is tried
only then. A group named `secret` marks the part to replace, else it is the whole match. Each
repetition is bounded, so that no text costs more than time in proportion to its length.

The forms follow the public lists of gitleaks, detect-secrets and trufflehog.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Form(NamedTuple):
    """One kind of secret that is known by its form."""

    kind: str
    hints: tuple[str, ...]
    expression: str

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find the secrets of this form in a text: where they begin and end, and their kind."""
        # `re` keeps what it compiled; most programs meet no secret, and need not compile at import.
        for match in re.finditer(self.expression, text):
            group = "secret" if match.groupdict().get("secret") else 0
            yield *match.span(group), self.kind


def _form(kind: str, hints: str, expression: str) -> Form:
    return Form(kind, tuple(hints.split(",")), expression)


FORMS = (
    _form(
        "private key",
        "-----BEGIN",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
        r"[^-]{0,20000}(?:-----END [A-Z ]{0,60}-----)?",
    ),
    _form(
        "jwt",
        "eyJ",
        r"\beyJ[A-Za-z0-9_-]{8,1024}+\.[A-Za-z0-9_-]{4,8192}+(?:\.[A-Za-z0-9_-]{0,8192}+)?",
    ),
    _form("anthropic key", "sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{16,200}"),
    _form("openrouter key", "sk-or-", r"\bsk-or-[A-Za-z0-9_-]{16,200}"),
    _form(
        "openai key",
        "sk-",
        r"\bsk-(?:proj-|svcacct-|admin-|None-)?(?=[A-Za-z_-]{0,160}[0-9])[A-Za-z0-9_-]{16,200}",
    ),
    _form("groq key", "gsk_", r"\bgsk_[A-Za-z0-9]{20,100}"),
    _form(
        "aws key",
        "AKIA,ASIA,ABIA,ACCA,A3T",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
    ),
    _form(
        "github token",
        "ghp_,gho_,ghu_,ghs_,ghr_,github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})",
    ),
    _form(
        "gitlab token",
        "glpat-,gldt-,glrt-,glcbt-,glptt-,glft-,glimt-,glagent-,glsoat-,glffct-,gloas-",
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_=.-]{16,255}",
    ),
    _form("google key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    _form(
        "google token",
        "ya29.,GOCSPX-,1//0",
        r"\b(?:ya29\.[A-Za-z0-9_-]{16,2048}|GOCSPX-[A-Za-z0-9_-]{20,64}|1//0[A-Za-z0-9_-]{20,255})",
    ),
    _form(
        "slack token",
        "xoxa-,xoxb-,xoxp-,xoxo-,xoxs-,xoxr-,xoxe-,xoxe.,xapp-,hooks.slack.com",
        r"\bxox[abposre](?:\.xox[bp])?-[A-Za-z0-9-]{10,255}|\bxapp-[A-Za-z0-9-]{10,255}"
        r"|hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/]{20,255})",
    ),
    _form(
        "stripe key",
        "_live_,_test_,_prod_,whsec_",
        r"\b(?:[srp]k_(?:live|test|prod)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/=]{16,255})",
    ),
    _form("hugging face token", "hf_,api_org_", r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,64}"),
    _form("npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}"),
    _form("pypi token", "pypi-", r"\bpypi-[A-Za-z0-9_-]{16,255}"),
    _form("sendgrid key", "SG.", r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}"),
    _form("digitalocean token", "_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}"),
    _form("databricks token", "dapi", r"\bdapi[a-f0-9]{32}(?:-\d)?\b"),
    _form("twilio key", "SK,AC", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    _form(
        "bearer",
        "earer ",
        r"\b[Bb]earer[ ]{1,8}"
        r"(?P<secret>(?=[A-Za-z._~+/-]{0,200}[0-9])[A-Za-z0-9._~+/-]{16,4096}=*)",
    ),
    _form(
        "basic",
        "asic ",
        r"\b[Bb]asic[ ]{1,8}(?P<secret>(?=[A-Za-z+/]{0,400}[0-9=])[A-Za-z0-9+/]{8,4096}={0,2})",
    ),
    _form("password", " -u ", r" -u {1,4}[^\s:'\"]{1,100}:(?P<secret>[^\s'\"]{1,200})"),
    _form(
        "password",
        "://",
        r"://[^\s/@:?#\"']{0,256}:(?P<secret>[^\s/\"']{1,512})(?=@)",
    ),
)
