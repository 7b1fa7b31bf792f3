"""Which names are names of secrets.

A name is split into words, whatever its style, so `user_api_key` and `x-api-key` are secret, and
`author` and `tokens_used` are not. A name that is only about a secret (`token_count`,
`password_file`, `has_cookie`) is none.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from agentlog.recording.disguise import narrow, uncovered

Words = tuple[str, ...]

HINTS = ("pass", "pwd", "secret", "token", "key", "auth", "cookie", "bearer", "credential")
"""Of these one is in every name of a secret."""


def any_of_these(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+"
_NAMES = """
    password passwords passwd pwd passphrase secret secrets apikey authorization bearer credential
    credentials cookie cookies api_key access_key account_key private_key secret_key signing_key
    encryption_key auth_token access_token
"""
_GLUED = ("password", "passwd", "passphrase", "apikey")
_GLUED_TOKENS = ("csrftoken", "middlewaretoken", "refreshtoken", "idtoken", "bottoken")
_LAST_WORD = "token"  # alone, or behind another: bot_token, and not token_count
_LAST_OF_SEVERAL = "pass"  # only behind another: db_pass, and not pass=5
_LONGEST = 200

_ABOUT_A_SECRET = any_of_these(
    """
    age arn changed class column count dir disabled domain enabled endpoint env expired
    expires expiry field file files format found header hint jar length limit manager max min
    missing name names path pattern policy position prefix prompt provider regex required
    rotation size store strength suffix ttl type uri url valid version
    """
)
_ASKING = any_of_these(
    """
    allow ask disable enable has hide is max min needs no num requires show skip without
    """
)
_OF_A_TEXT = any_of_these(
    """
    bos cls end eos first input last mask next output pad per prev previous sep special
    start stop unk
    """
)
"""Before `token` they say that it is a piece of a text."""


def words_of(name: str) -> Words:
    """Split a name into its words, in lower case."""
    return tuple(word.lower() for word in re.findall(_WORD, narrow(uncovered(name))))


class Keys:
    """Knows secrets by their name: the usual ones, those that were added, less those to keep."""

    def __init__(self, added: Iterable[Words] = (), keep: Iterable[Words] = ()) -> None:
        self._added = tuple(added)
        self._keep = tuple(keep)
        self.hints = HINTS + tuple(run[0] for run in self._added)
        self._known = lru_cache(4096)(self._kind_of)

    def kind_of(self, name: str) -> str | None:
        """Say what kind of secret a name promises; None for an ordinary one."""
        return self._known(name[:_LONGEST])

    def _kind_of(self, name: str) -> str | None:
        words = words_of(name)
        for run in self._keep:
            words = _without(words, run)
        if not words:
            return None
        return next((_said(run) for run in self._added if _has(words, run)), None) or _usual(words)


def _usual(words: Words) -> str | None:
    if len(words) > 1 and (words[-1] in _ABOUT_A_SECRET or words[0] in _ASKING):
        return None
    if words[-1] == _LAST_WORD:
        return None if len(words) > 1 and words[-2] in _OF_A_TEXT else _LAST_WORD
    if len(words) > 1 and words[-1] == _LAST_OF_SEVERAL:
        return "password"
    for run in _RUNS:
        if _has(words, run):
            return _said(run)
    glued = (*words, "".join(words), "".join(words).removesuffix("s"))
    return next((kind for end, kind in _ENDS.items() if any(w.endswith(end) for w in glued)), None)


def _has(words: Words, run: Words) -> bool:
    """Say whether words stand in a name one after the other; of several, the last may be many."""
    size = len(run)
    if size > 1:
        words = (*words[:-1], words[-1].removesuffix("s")) if words[-1] != run[-1] else words
    return any(words[i : i + size] == run for i in range(len(words) - size + 1))


def _without(words: Words, run: Words) -> Words:
    size = len(run)
    for i in range(len(words) - size + 1):
        if words[i : i + size] == run:
            return _without(words[:i] + words[i + size :], run)
    return words


def _said(run: Words) -> str:
    return " ".join(run)


_RUNS = tuple(tuple(name.split("_")) for name in _NAMES.split())
_ENDS = dict.fromkeys(_GLUED_TOKENS, "token") | dict(zip(_GLUED, _GLUED, strict=True))
_ENDS |= {"".join(run): _said(run) for run in _RUNS if len(run) > 1}
