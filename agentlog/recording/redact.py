"""What never reaches the disk: secrets, known by the key they stand under or by their form.

Three rules, from cheap to dear:

* `kind_of_key` says whether a key is the name of a secret (keys.py).
* `might_hold_secret` says of most texts, for a few substring searches, that they hold nothing.
* `clean` replaces what it finds in a text by its form (forms.py), by the name before it (named.py),
  or by the user's patterns. Words around it stay.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from agentlog.errors import ConfigurationError
from agentlog.foreign import text_of
from agentlog.recording.disguise import narrow, uncovered
from agentlog.recording.forms import GITLAB, any_of, find_forms
from agentlog.recording.keys import Keys, Words, words_of
from agentlog.recording.named import named_secrets

Span = tuple[int, int, str]

_SHORTEST_NAMED = 6
_SEAL = "\ufdd0"  # a noncharacter: for a program's own use, and in no text
_SEALED = f"{_SEAL}([a-z ]{{1,80}}){_SEAL}"
_CLOSELY = 4096
_SHOWN = 100


class Redact:
    """Rules of redaction: the built-in ones, and what you add.

    Args:
        keys: Names that are secret too, such as `"ssn"`; compared by words, so `user_ssn` and
            `userSSN` are found.
        patterns: Regular expressions, as text or compiled; what they match in a text is replaced.
        keep: Names that are none, such as `"page_token"`; compared by words.

    Raises:
        ConfigurationError: If a key is not a text with a word in it, or a pattern does not compile.

    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        keep: Iterable[str] = (),
    ) -> None:
        names = Keys(_runs("keys", keys), _runs("keep", keep))
        self._patterns = [_compiled(pattern) for pattern in _listed("patterns", patterns)]
        self._hints = names.hints
        self._beside_a_sign = (*names.hints, "sig=", "ignature=", ":thin:", "netloc", "code=")
        self.kind_of_key = names.kind_of

    def might_hold_secret(self, text: str) -> bool:
        """Say whether a text needs a closer look.

        False is certain but for what stands behind a name and nothing else than a space.
        """
        if self._patterns:
            return True
        if len(text) < _SHORTEST_NAMED:
            return False
        if not text.isascii():
            if _SEAL in text:
                return True
            text = narrow(uncovered(text))
        # Most texts lack most signs, and one look for a sign spares the hints that have it.
        might_be_named = (
            "=" in text
            or ":" in text
            or ("-" in text and "--" in text)
            or ("'" in text and "'," in text)
            or ('"' in text and '",' in text)
            or ("%" in text and "%3" in text)
            or "assw" in text
        )
        if might_be_named and any_of(self._beside_a_sign, text.lower()):
            return True
        return (
            ("-" in text and _has_a_hyphenated(text))
            or ("_" in text and any_of(_UNDERLINED, text))
            or ("." in text and any_of(_DOTTED, text))
            or ("/" in text and any_of(_SLASHED, text))
            or ("A" in text and any_of(_WITH_AN_A, text))
            or ("S" in text and any_of(_WITH_AN_S, text))
            or ("K" in text and any_of(_WITH_A_K, text))
            or ("%" in text and any_of(_PERCENT, text))
            or ("J" in text and "eyJ" in text)
            or "earer " in text
            or "asic " in text
            or "IDENTIFIED" in text
            or "dapi" in text
            or "GR1348941" in text
        )

    def clean(self, text: str) -> tuple[str, int]:
        """Return the text with its secrets replaced, and how many there were."""
        cleaned, found = self._clean(text)
        seen = uncovered(cleaned)
        if seen != cleaned:
            seen, more = self._clean(seen)
            return (seen, found + more) if more else (cleaned, found)
        return cleaned, found

    def _clean(self, text: str) -> tuple[str, int]:
        spans = self.secrets(text)
        return (_replaced(text, spans), len(spans)) if spans else (text, 0)

    def secrets(self, given: str) -> list[Span]:
        """Find the secrets of a text: where each begins and ends, and its kind."""
        text = narrow(given)
        found = list(find_forms(text))
        found += named_secrets(text, _lower(text), self._hints, self.kind_of_key)
        if _SEAL in given:
            found += ((*match.span(), match[1]) for match in re.finditer(_SEALED, given))
        for pattern in self._patterns:
            matches = (match.span() for match in pattern.finditer(given))
            found += ((start, stop, "pattern") for start, stop in matches if stop > start)
        return _merged(found)


def without_secrets(text: str) -> str:
    """Return a text of ours for the terminal without what a value may have brought into it."""
    return _built_in().clean(text)[0]


def shown(value: object, name: str = "") -> str:
    """Return a value as a message names it: the beginning of its repr, without its secrets."""
    text = text_of(value, repr)[:_CLOSELY]
    return without_secrets(f"{name}={text}" if name else text)[:_SHOWN]


@cache
def _built_in() -> "Redact":
    return Redact()


def sealed(kind: str) -> str:
    """Return what stands for a secret in a text that is still to be redacted, and counted then."""
    return f"{_SEAL}{kind}{_SEAL}"


def mark(kind: str) -> str:
    """Return what stands in place of a secret."""
    return f"[redacted: {kind}]"


def _merged(found: list[Span]) -> list[Span]:
    """Make one of those that overlap, of the kind that was found first; in the text's order."""
    spans: list[tuple[int, int, int]] = []
    for start, stop, rank in sorted((start, stop, i) for i, (start, stop, _) in enumerate(found)):
        if spans and start < spans[-1][1]:
            before = spans.pop()
            spans.append((before[0], max(before[1], stop), min(before[2], rank)))
        else:
            spans.append((start, stop, rank))
    return [(start, stop, found[rank][2]) for start, stop, rank in spans]


def _replaced(text: str, secrets: list[Span]) -> str:
    parts: list[str] = []
    done = 0
    for start, stop, kind in secrets:
        parts += (text[done:start], mark(kind))
        done = stop
    return "".join((*parts, text[done:]))


def _lower(text: str) -> str:
    """Return the text in lower case, with every letter where it was."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes | re.Pattern) or not isinstance(values, Iterable):
        message = f"Redact({shown(values, name)}) is not accepted: it is a list"
        raise ConfigurationError(message)
    return list(values)


def _runs(name: str, keys: Iterable[str]) -> list[Words]:
    runs = []
    for key in _listed(name, keys):
        words = words_of(key) if isinstance(key, str) else ()
        if not words:
            message = f"Redact({name}=[{shown(key)}]) is not accepted: it is a name, such as 'ssn'"
            raise ConfigurationError(message)
        runs.append(words)
    return runs


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        message = f"Redact(patterns=[{shown(pattern)}]) is not a regular expression: {error}"
        raise ConfigurationError(message) from error
    if isinstance(compiled.pattern, bytes):
        message = f"Redact(patterns=[{shown(pattern)}]) is not accepted: it is a pattern of text"
        raise ConfigurationError(message)
    return compiled


_HYPHENATED = (
    "sk-",
    "-BEGIN",
    "xox",
    "xapp-",
    "xwfp-",
    "GOCSPX-",
    "pypi-AgE",
    "bedrock-",
    "-u ",
    "--user ",
    " -p",
    " -a ",
    " -b ",
)
_UNDERLINED = (
    "gh",
    "github_pat_",
    "gsk_",
    "_live_",
    "_test_",
    "_prod_",
    "whsec_",
    "hf_",
    "api_org_",
    "npm_",
    "_v1_",
    "_auth=",
    "API_",
)
_DOTTED = ("AQ.Ab", "ya29.", "SG.", "hooks.slack.com")
_SLASHED = ("//", "</", "\\/")
_PERCENT = ("2F%", "2f%")
_WITH_AN_A = ("EARER ", "ASIC ", "ASIA", "ABIA", "AC", "A3T", "AIza", "API k")
_WITH_AN_S = ("PASS", "SECRET")
_WITH_A_K = ("SK", "AKIA", "ABSK")


def _has_a_hyphenated(text: str) -> bool:
    return any_of(_HYPHENATED, text) or ("gl" in text and any_of(GITLAB, text))
