"""What never reaches the disk: secrets, known by the key they stand under or by their form.

Three rules, from cheap to dear:

* `kind_of_key` splits a key into words, so `user_api_key` and `x-api-key` are secret, and `author`
  and `tokens_used` are not.
* `might_hold_secret` says of most texts, for a few substring searches, that they hold nothing.
* `clean` replaces what it finds in a text by its form (forms.py), by the name before it
  (`password=…`, `"api_key": "…"`, `--token …`), or by the user's patterns. Words around it stay.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from agentlog.errors import ConfigurationError, shown
from agentlog.recording.forms import FORMS

_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+"
_SECRET_KEYS = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "apikey",
    "authorization",
    "bearer",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "api_key",
    "access_key",
    "account_key",
    "private_key",
    "auth_token",
    "access_token",
    "signing_key",
    "encryption_key",
]
_LAST_WORD = "token"  # alone, or behind another: bot_token, and not token_count
_LAST_OF_SEVERAL = "pass"  # only behind another: db_pass, and not pass=5
_ENDS = ("password", "passwd", "apikey")
_LONGEST_KEY = 200
_ABOUT_A_SECRET = frozenset(
    "length count enabled disabled required size limit expiry expires ttl type policy valid".split()  # noqa: SIM905
)
_ASKING = ("has", "is", "needs", "requires", "max", "min", "num")
_PASSWORDS = ("password", "passwords", "passwd", "pwd", "passphrase")
_WORDS_OF_CODE = frozenset(
    "None null nil undefined True true False false str int bytes bool object Optional".split()  # noqa: SIM905
)
_HINTS_OF_KEYS = ("pass", "pwd", "secret", "token", "key", "auth", "cookie", "bearer", "credential")
_TO_THE_END_OF_THE_LINE = ("authorization", "cookie", "cookies")

_OF_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_LONGEST_NAME = 80
_SHORTEST_NAMED = 6


class _Named(NamedTuple):
    """The expressions for what stands behind a name."""

    separator: re.Pattern[str]
    option: re.Pattern[str]
    value: re.Pattern[str]
    value_in_escapes: re.Pattern[str]
    line: re.Pattern[str]
    place: re.Pattern[str]


@cache
def _named() -> _Named:
    """Compile them when the first text asks for it: most programs never have one."""
    plain = r"""(?P<plain>[^\s"'\\,;&<>(){}\[\]]{1,4096})"""
    return _Named(
        re.compile(
            r"""[\w.-]{0,80}+(?P<end>)\\{0,8}["']?[ \t]{0,8}(?:=>|[:=](?!=))[ \t]{0,8}\\{0,8}"""
        ),
        re.compile(r"""[\w-]{0,80}+(?P<end>)[ \t]{1,8}(?![-\s])"""),
        re.compile(
            r"""(?:[A-Za-z_][\w.]{0,60}\(|[bBrRfFuU]{1,2}(?=["']))?"""  # SecretStr('…'), b'…'
            r"""(?:"(?P<double>(?:[^"\\\n]|\\.){1,4096})|'(?P<single>(?:[^'\\\n]|\\.){1,4096})|"""
            + plain
            + ")"
        ),
        re.compile(r"""(?:["'](?P<double>[^"'\\\n]{1,4096})|""" + plain + ")"),
        re.compile(r"[^\r\n\"'\\]{1,8192}"),
        re.compile(  # in a file: secrets.py:12
            r"[\w.-]{1,80}\.(?:pyi?|ipynb|jsx?|tsx?|go|rs|rb|java|kt|cs?|cc|cpp|hp?p?|php|sh|md|txt)"
            r":\d{1,7}(?![\w-])"
        ),
    )


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
        added = _runs("keys", keys)
        self._secret = _runs("keys", _SECRET_KEYS) + added
        self._keep = _runs("keep", keep)
        self._patterns = [_compiled(pattern) for pattern in _listed("patterns", patterns)]
        self._hints = _HINTS_OF_KEYS + tuple(run[0] for run in added)
        self._kind_of = lru_cache(4096)(self._kind_of_words)

    def kind_of_key(self, key: str) -> str | None:
        """Say what kind of secret stands under a key; None if it is an ordinary one."""
        return self._kind_of(key[:_LONGEST_KEY])

    def _kind_of_words(self, key: str) -> str | None:
        words = tuple(word.lower() for word in re.findall(_WORD, key))
        if not words or any(_has_run(words, run) for run in self._keep):
            return None
        if len(words) > 1 and (words[-1] in _ABOUT_A_SECRET or words[0] in _ASKING):
            return None
        if words[-1] == _LAST_WORD:
            return _LAST_WORD
        if len(words) > 1 and words[-1] == _LAST_OF_SEVERAL:
            return "password"
        singular = (*words[:-1], words[-1].removesuffix("s"))
        for run in self._secret:
            if _has_run(words, run) or (len(run) > 1 and _has_run(singular, run)):
                return " ".join(run)
        return next((end for end in _ENDS if any(word.endswith(end) for word in words)), None)

    def might_hold_secret(self, text: str) -> bool:
        """Say whether a text needs a closer look; False is certain."""
        if self._patterns:
            return True
        if len(text) < _SHORTEST_NAMED:
            return False
        might_be_named = "=" in text or ":" in text or "--" in text
        if might_be_named and _any_of(self._hints, text.lower()):
            return True
        # Most texts lack most signs, and one look for a sign spares the hints that have it.
        return (
            ("_" in text and _any_of(_HINTS["_"], text))
            or ("-" in text and _any_of(_HINTS["-"], text))
            or ("." in text and _any_of(_HINTS["."], text))
            or ("/" in text and _any_of(_HINTS["/"], text))
            or ("A" in text and _any_of(_HINTS["A"], text))
            or ("S" in text and _any_of(_HINTS["S"], text))
            or ("J" in text and _any_of(_HINTS["J"], text))
            or (" " in text and _any_of(_HINTS[" "], text))
            or "dapi" in text
        )

    def clean(self, text: str) -> tuple[str, int]:
        """Return the text with its secrets replaced, and how many there were."""
        found = 0
        for form in FORMS:
            if _any_of(form.hints, text):
                text, count = _replace(text, form.find(text))
                found += count
        text, count = _replace(text, self._named_secrets(text, _lower(text)))
        found += count
        for pattern in self._patterns:
            matches = (match.span() for match in pattern.finditer(text))
            spans = ((start, stop, "pattern") for start, stop in matches if stop > start)
            text, count = _replace(text, spans)
            found += count
        return text, found

    def _named_secrets(self, text: str, low: str) -> Iterator[tuple[int, int, str]]:
        """Find what stands behind a secret's name: `name=value`, `"name": "…"`, `--name …`."""
        done, named = 0, _named()
        for start, stop in sorted(_occurrences(low, self._hints)):
            if start < done:
                continue
            match = named.separator.match(text, stop) or named.option.match(text, stop)
            if match is None:
                continue
            before = text[max(done, start - _LONGEST_NAME) : start]
            name = text[start - len(before) + len(before.rstrip(_OF_NAMES)) : match.end("end")]
            if match.re is named.option and not name.startswith("-"):
                continue
            done = match.end()
            if named.place.match(text, match.start("end") - len(name)):
                continue
            kind = self.kind_of_key(name)
            if kind is not None and (span := _span_of_value(text, done, kind)):
                yield *span, kind
                done = span[1]


def mark(kind: str) -> str:
    """Return what stands in place of a secret."""
    return f"[redacted: {kind}]"


def _replace(text: str, secrets: Iterable[tuple[int, int, str]]) -> tuple[str, int]:
    """Replace spans of a text, those in order that do not overlap; count them."""
    parts: list[str] = []
    done = found = 0
    for start, stop, kind in secrets:
        if start >= done and not text.startswith("[redacted: ", start):
            parts += (text[done:start], mark(kind))
            done = stop
            found += 1
    return ("".join((*parts, text[done:])), found) if found else (text, 0)


def _occurrences(low: str, hints: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    for hint in hints:
        start = low.find(hint)
        while start >= 0:
            stop = start + len(hint)
            yield start, stop
            start = low.find(hint, stop)


def _span_of_value(text: str, start: int, kind: str) -> tuple[int, int] | None:
    is_escaped = text.startswith("\\", start - 1)
    match = (_named().value_in_escapes if is_escaped else _named().value).match(text, start)
    if match is None:
        return None
    begin, end = match.span(match.lastgroup or 0)
    if match.lastgroup == "plain" and _is_no_secret(text, match, kind):
        return None
    if kind in _TO_THE_END_OF_THE_LINE and (line := _named().line.match(text, begin)):
        end = line.end()
    return begin, end


def _is_no_secret(text: str, match: re.Match[str], kind: str) -> bool:
    """Say whether what stands unquoted behind a name is code, or the next word of a sentence."""
    value = match["plain"]
    if value.rstrip(".") in _WORDS_OF_CODE or text.startswith(("(", "["), match.end()):
        return True
    is_word = value.isalpha() and value.islower() and text[match.start() - 1] == " "
    return is_word and kind not in _PASSWORDS and ":" in text[match.start() - 2 : match.start()]


def _lower(text: str) -> str:
    """Return the text in lower case, with every letter where it was."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _has_run(words: tuple[str, ...], run: tuple[str, ...]) -> bool:
    size = len(run)
    return any(words[i : i + size] == run for i in range(len(words) - size + 1))


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes | re.Pattern) or not isinstance(values, Iterable):
        message = f"Redact({name}={shown(values)}) is not accepted: it is a list"
        raise ConfigurationError(message)
    return list(values)


def _runs(name: str, keys: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    runs = []
    for key in _listed(name, keys):
        words = (
            tuple(word.lower() for word in re.findall(_WORD, key)) if isinstance(key, str) else ()
        )
        if not words:
            message = f"Redact({name}=[{shown(key)}]) is not accepted: it is a name, such as 'ssn'"
            raise ConfigurationError(message)
        runs.append(words)
    return tuple(runs)


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


def _any_of(hints: tuple[str, ...], text: str) -> bool:
    for hint in hints:  # noqa: SIM110 - any() and its generator cost more than the search
        if hint in text:
            return True
    return False


_SIGNS = "_-./ASJ "
_HINTS: dict[str, tuple[str, ...]] = dict.fromkeys(_SIGNS, ())
for _form in FORMS:
    for _hint in _form.hints:
        if _hint != "dapi":
            _HINTS[next(sign for sign in _SIGNS if sign in _hint)] += (_hint,)
