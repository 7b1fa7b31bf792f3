"""Secrets for tests, made up at run time: no scanner finds one in the repository."""

import base64
import json
import random
import string

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
UPPER = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "_-"


class MadeUp:
    """Makes up secrets, the same at every run."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def word(self, alphabet, size):
        """Return so many characters, the first and last of them letters or digits."""
        while True:
            text = "".join(self._random.choices(alphabet, k=size))
            if text[0].isalnum() and text[-1].isalnum():
                return text

    def password(self):
        """Return what nobody takes for a word: letters and digits mixed."""
        return f"{self.word(LETTERS, 5)}{self.word(string.digits, 3)}{self.word(LETTERS, 8)}"

    def jwt(self, *, signed=True):
        """Return a web token of three parts, the last of them empty where it is not signed."""
        parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": self.word(ALNUM, 12), "iat": 1516239022}]
        texts = [
            base64.urlsafe_b64encode(json.dumps(p).encode()).decode().strip("=") for p in parts
        ]
        return ".".join([*texts, self.word(URL_SAFE, 43) if signed else ""])

    def pem(self, kind="RSA PRIVATE KEY", lines=12):
        """Return a private key of so many lines."""
        body = "\n".join(self.word(ALNUM + "+/", 64) for _ in range(lines))
        return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"

    def keys(self):
        """Return one key of each vendor's formats, under its name."""
        word = self.word
        return {
            "openai": "sk-" + word(ALNUM, 20) + "T3Blbk" + word(ALNUM, 22),
            "openai project": "sk-proj-" + word(URL_SAFE, 74) + "T3Blbk" + word(URL_SAFE, 74),
            "openai service": "sk-svcacct-" + word(URL_SAFE, 100),
            "openai admin": "sk-admin-" + word(URL_SAFE, 100),
            "anthropic": "sk-ant-api03-" + word(URL_SAFE, 93) + "AA",
            "openrouter": "sk-or-v1-" + word(HEX, 64),
            "groq": "gsk_" + word(ALNUM, 52),
            "aws": "AKIA" + word(UPPER, 16),
            "aws session": "ASIA" + word(UPPER, 16),
            "aws bedrock": "ABSK" + word(ALNUM, 128),
            **{f"github {p}": f"gh{p}_" + word(ALNUM, 36) for p in "pousr"},
            "github fine-grained": "github_pat_" + word(ALNUM, 22) + "_" + word(ALNUM, 59),
            "github stateless": "ghs_12345_" + self.jwt(),
            **{f"gitlab {p}": f"gl{p}-" + word(URL_SAFE, 20) for p in GITLAB},
            "gitlab registration": "GR" + "1348941" + word(URL_SAFE, 20),
            "gitlab routable": "glpat-" + word(URL_SAFE, 27) + ".01." + word(HEX, 9),
            "google": "AIza" + word(URL_SAFE, 35),
            "google gemini": "AQ." + "Ab8" + word(URL_SAFE, 47),
            "google oauth": "ya29." + word(URL_SAFE, 120),
            "google compute": "ya29." + "c." + word(URL_SAFE, 120),
            "google client": "GOCSPX-" + word(URL_SAFE, 28),
            "google refresh": "1//0" + word(URL_SAFE, 90),
            **{f"slack {p}": f"xox{p}-12345678-" + word(ALNUM, 24) for p in "abceoprs"},
            "slack cookie": "xoxd-" + word(ALNUM, 40) + "%2B" + word(ALNUM, 20) + "%3D",
            "slack refresh": "xoxe." + "xoxp-1-" + word(ALNUM, 146),
            "slack app": "xapp-1-A0-" + word(HEX, 64),
            "slack workflow": "xwfp-" + word(ALNUM, 24),
            "stripe": "sk_live_" + word(ALNUM, 24),
            "stripe restricted": "rk_test_" + word(ALNUM, 99),
            "stripe webhook": "whsec_" + word(ALNUM, 32),
            "hugging face": "hf_" + word(LETTERS, 34),
            "npm": "npm_" + word(ALNUM, 36),
            "pypi": "pypi-AgE" + "IcHlwaS5vcmc" + word(URL_SAFE, 100),
            "sendgrid": "SG." + word(ALNUM, 22) + "." + word(URL_SAFE, 43),
            **{f"digitalocean {p}": f"do{p}_v1_" + word(HEX, 64) for p in "opr"},
            "databricks": "dapi" + word(HEX, 32),
            "twilio": "SK" + word(HEX, 32),
            "jwt": self.jwt(),
            "jwt unsigned": self.jwt(signed=False),
        }


GITLAB = ("pat", "dt", "rt", "rtr", "cbt", "ptt", "ft", "imt", "agent", "soat", "ffct", "oas", "wt")
