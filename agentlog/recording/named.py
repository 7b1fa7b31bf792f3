r"""Secrets in a text by the name before them: `password=…`, `"api_key": "…"`, `--token …`.

Three steps at each place where a word of a secret's name stands:

* The name, as far as it goes, is the name of a secret (keys.py).
* Something joins it to a value: a sign (`=`, `:`), a tag, a pair of quoted texts, an option of a
  command line; or only a space or some words (`the password is …`), and then the value has to look
  made up.
* The value ends with its quote, bracket, tag or line, and may be no secret (named_value.py).

Each repetition is bounded, and what was replaced is not read again: time grows with the length.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from agentlog.recording import named_value
from agentlog.recording.keys import any_of_these
from agentlog.recording.named_value import PASSWORDS, Value, is_made_up, is_no_secret

Kinds = Callable[[str], str | None]

_OF_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_LONGEST_NAME = 80
_LONGEST_BEFORE = 200
_HEADERS = ("authorization", "cookie", "cookies")
_NAMED_BY_THE_WORD_BEFORE = ("key", "keys", "token")
_BEHIND_A_PROMPT = (")", "]", ",")
_BEFORE_AN_ESCAPE = ("\\", "%", "[", ";")
_WORDS_OF_PROSE = any_of_these(
    "and are as for from if in instead is it must not of on or the to was with"
)


class _Name(NamedTuple):
    """The name of a secret in a text."""

    begin: int
    end: int
    text: str
    kind: str
    before: str


Reader = Callable[[str, _Name, re.Match[str]], Value | None]


def named_secrets(
    text: str, low: str, hints: tuple[str, ...], kind_of: Kinds
) -> Iterator[tuple[int, int, str]]:
    """Find what stands behind a secret's name; `low` is the text in lower case."""
    done = 0
    is_prose = _PROSE().match
    for start, stop in sorted(_occurrences(low, hints)):
        if start < done or (is_prose(text, stop) and text[start - 1 : start] == " "):
            continue
        begin, done = _around(text, start, stop, done)
        kind = _kind(text, begin, done, kind_of)
        if kind is None:
            continue
        before = text[max(begin - _LONGEST_BEFORE, 0) : begin]
        name = _Name(begin, done, text[begin:done], kind, before)
        value = _value(text, name)
        if value and not is_no_secret(text, value, kind, name.text, kind_of):
            yield value.begin, value.end, kind
            done = value.end


def _occurrences(low: str, hints: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    for hint in hints:
        start = low.find(hint)
        while start >= 0:
            stop = start + len(hint)
            yield start, stop
            start = low.find(hint, stop)


def _around(text: str, start: int, stop: int, done: int) -> tuple[int, int]:
    r"""Return where the name goes to on both sides; of `\npassword` and `%26token`, the name."""
    before = text[max(done, start - _LONGEST_NAME) : start]
    begin = start - len(before) + len(before.rstrip(_OF_NAMES))
    if text[begin - 1 : begin] in _BEFORE_AN_ESCAPE and begin:
        escape = _ESCAPE().match(text, begin - 1)
        begin = escape.end() if escape and escape.end() <= start else begin
    behind = text[stop : stop + _LONGEST_NAME]
    return begin, stop + len(behind) - len(behind.lstrip(_OF_NAMES))


def _kind(text: str, begin: int, end: int, kind_of: Kinds) -> str | None:
    """Say what kind of secret a name promises; a key or token, with the word before it."""
    name = text[begin:end]
    if name.lower() in _NAMED_BY_THE_WORD_BEFORE:
        word = _WORD().search(text[max(begin - 16, 0) : begin])
        name = f"{word[1]} {name}" if word else name
    return kind_of(name)


def _value(text: str, name: _Name) -> Value | None:
    """Return the value that a name is joined to, if there is one."""
    is_option = name.text.startswith("-")
    is_bare = not is_option and name.before[-1:] not in _ENCLOSING
    any_joint, joints = _joints(is_option=is_option, is_bare=is_bare)
    first = any_joint.match(text, name.end)
    if first is None:
        return None
    for joint, read in joints[int((first.lastgroup or "_0")[1:]) :]:
        if match := joint.match(text, name.end):
            value = read(text, name, match)
            if value is not None:
                return value
    return None


def _behind_a_sign(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    before = name.before
    is_in_an_arn = before.endswith(":") and _ARN().search(before)
    if is_in_an_arn or before.endswith("//") or _FILE().match(text, name.begin):
        return None
    value = named_value.read(text, joint.end(), _place(before, joint[0]))
    if value and value.is_quoted and _ends_a_prompt(text, value, joint[0]):
        return Value(value.begin, value.begin, value.begin)
    if value and not value.is_quoted and name.kind in _HEADERS:
        return named_value.read_header(text, joint.end(), name.kind)
    return value


def _place(before: str, joint: str) -> named_value.Plain:
    """Say whether a value is one of an address, or of one that is written in another."""
    if "%" in joint or before.endswith(("%3F", "%26")):
        return "encoded"
    return "in_address" if before.endswith(("?", "&")) else "plain"


def _ends_a_prompt(text: str, value: Value, joint: str) -> bool:
    """Say whether a quote ends what the name stands in, as in `getpass("Password: ")`."""
    behind = text[value.begin : value.begin + 1]
    return behind in _BEHIND_A_PROMPT and not _IN_QUOTES().search(joint)


def _in_a_block(text: str, _: _Name, joint: re.Match[str]) -> Value | None:
    new_line = joint[0][len(joint[0].rstrip("\\rn\r\n")) :]
    return named_value.read_block(text, joint.end(), new_line)


def _below(text: str, _: _Name, joint: re.Match[str]) -> Value | None:
    """Read a value that has a line of its own, and is neither code nor a sentence."""
    value = named_value.read(text, joint.end())
    if value is None or value.is_quoted:
        return value
    is_alone = text[value.after : value.after + 1] in {"", "\r", "\n"}
    content = text[value.begin : value.end]
    is_secret = is_alone and not content.endswith(":") and is_made_up(content, "password")
    return value if is_secret else None


def _in_a_refusal(text: str, _: _Name, joint: re.Match[str]) -> Value | None:
    return named_value.read(text, joint.end())


def _in_a_pair(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    """Read the second of two quoted texts: an option's value, or what is alone with its name."""
    is_option = name.text.startswith("-")
    if not is_option and not _OPENING().search(name.before[-32:]):
        return None
    value = named_value.read(text, joint.end())
    return value if value and (is_option or _CLOSING().match(text, value.after)) else None


def _in_a_part(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    is_named = _ATTRIBUTE().search(name.before[-40:])
    return named_value.read_line(text, joint.end()) if is_named else None


def _beside(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    is_named = _ATTRIBUTE().search(name.before[-40:])
    return named_value.read(text, joint.end()) if is_named else None


def _on_the_next_line(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    """Read the `value:` of a mapping in YAML, whose `name:` is a secret's."""
    is_named = _ENTRY().search(name.before[-40:])
    return named_value.read(text, joint.end()) if is_named else None


def _in_a_tag(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    before = name.before[-60:]
    is_named = _ELEMENT().search(before) or (
        _ATTRIBUTE().search(before) and not _TYPE_OF_INPUT().search(before)
    )
    return named_value.read_element(text, joint.end()) if is_named else None


def _behind_an_option(text: str, _: _Name, joint: re.Match[str]) -> Value | None:
    value = named_value.read(text, joint.end())
    if value is None or text[value.begin : value.end].lower() in _WORDS_OF_PROSE:
        return None
    return value


def _behind_a_space(text: str, name: _Name, joint: re.Match[str]) -> Value | None:
    """Read what stands in quotes behind a password's name, or what is made up."""
    value = named_value.read(text, joint.end())
    if value is None:
        return None
    content = text[value.begin : value.end]
    is_said = name.kind in PASSWORDS and value.is_quoted and content.split() == [content]
    return value if is_said or is_made_up(content, name.kind) else None


_QUOTE = r"""(?:\\{0,127}+["'`]|&(?:quot|apos|\#39|\#34);)"""
_COLOUR = r"(?:\\{1,4}(?:x1b|u001b|033|e)\[[0-9;]{0,16}m)"
_GAP = r"[ \t]{0,40}+"
_SIGN = r"(?:=>|:=|->|\?=|=(?![=~])|:(?![:=]|//)|%(?:25){0,3}3[AD])"
_TYPE = r"(?:str|string|String|bytes|SecretStr|Optional\[\w{1,40}\]|\w{1,40}[ ]\|[ ]None)"
_END_OF_LINE = r"(?:\r?\n|(?:\\{1,127}+r)?\\{1,127}n)"
_NEW_LINE = rf"{_END_OF_LINE}(?:[ ]{{2,40}}\|[ ])?"  # also within the traceback of a group
_SAYING = (
    r"(?:is|was|are|has|been|be|set|to|as|now|given|provided|changed|FOR[ ]\S{1,64}[ ]=)(?!\w)"
)

_JOINTS: tuple[tuple[Reader, str], ...] = (
    (_in_a_block, rf"{_QUOTE}?+:{_GAP}[|>][-+0-9]{{0,2}}{_GAP}{_END_OF_LINE}"),
    (_below, rf"{_QUOTE}?+:{_GAP}\r?\n[ \t]{{1,40}}"),
    (_behind_a_sign, rf"{_GAP}:{_GAP}{_TYPE}{_GAP}={_GAP}(?=\\{{0,127}}[\"'])"),
    (
        _behind_a_sign,  # also **password:** …, env["password"] = …, password: !tag …
        (
            rf"(?:(?:{_QUOTE}|{_COLOUR}|[*_~\0]){{0,4}}+{_GAP}{_SIGN}|{_QUOTE}?+\]{_GAP}=(?!=))"
            rf"(?:{_COLOUR}|[*_]{{1,2}}(?=\s))?{_GAP}(?:{_COLOUR}|![\w-]{{1,40}}[ ]{{1,4}})?"
            r"(?:&(?:quot|apos|\#39|\#34);)?"
        ),
    ),
    (_in_a_refusal, rf"{_GAP}\n[ ]{{2,4}}[^\n]{{0,400}}?\binput_value="),  # pydantic's
    (_in_a_pair, rf"{_QUOTE},\s{{0,8}}(?=[bBuU]?\\{{0,15}}[\"'])"),
    (
        _in_a_part,  # of form data
        (
            rf"{_QUOTE}(?:;[^\r\n]{{0,200}})?{_NEW_LINE}"
            rf"(?:[\w-]{{1,40}}:[^\r\n\\]{{0,200}}{_NEW_LINE}){{0,3}}{_NEW_LINE}"
        ),
    ),
    (_beside, rf"{_QUOTE}?+[^<>\n{{}}]{{0,100}}?\b[Vv]alue{_QUOTE}?+{_GAP}[:=]{_GAP}"),
    (_on_the_next_line, rf"{_QUOTE}?+{_GAP}{_NEW_LINE}[ \t]{{1,40}}value:{_GAP}"),
    (_in_a_tag, rf"{_QUOTE}?+(?:[ \t][^<>\n]{{0,200}})?+(?:>|&gt;)(?:<!\[CDATA\[)?"),
    (_behind_an_option, rf"{_QUOTE}?+[ \t]{{1,8}}(?![-\s])"),
    (
        _behind_a_space,
        (
            rf"(?:{_QUOTE}|[*_]{{1,2}})?+(?:[ \t]{{1,4}}{_SAYING}){{0,5}}+:?[ \t]{{1,8}}"
            r"(?:\|[ \t]{0,8})?(?![-\s]|[A-Z]?[a-z]{0,40}(?:[\s.,;:!?)]|\Z))"
        ),
    ),
)
_OF_OPTIONS = (_behind_an_option,)
_OF_ENCLOSED_NAMES = (_in_a_pair, _in_a_part, _beside, _in_a_tag)
_ENCLOSING = ("'", '"', "`", "<", ":", ";", "=")


@cache
def _joints(
    *, is_option: bool, is_bare: bool
) -> tuple[re.Pattern[str], list[tuple[re.Pattern[str], Reader]]]:
    """Compile the joints that such a name may have, and one that says which fits first."""
    joints = [
        (joint, read)
        for read, joint in _JOINTS
        if (is_option or read not in _OF_OPTIONS)
        and (not is_bare or read not in _OF_ENCLOSED_NAMES)
    ]
    first = "|".join(f"{joint}(?P<_{i}>)" for i, (joint, _) in enumerate(joints))
    return re.compile(first), [(re.compile(joint), read) for joint, read in joints]


def _lazily(expression: str) -> Callable[[], re.Pattern[str]]:
    return cache(lambda: re.compile(expression))


_PROSE = _lazily(rf"[,;)]|[ ](?!{_SAYING})[a-z]{{1,40}}[ ,.;!?)\n]")
"""What no name is joined to a value by: it is the next word of a sentence, for speed."""
_ESCAPE = _lazily(
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtbfv0])|%[0-9a-fA-F]{2}|[\[;][0-9]{1,3}m"
)
_FILE = _lazily(  # secrets.py:12
    r"[\w.-]{1,80}\.(?:pyi?|ipynb|jsx?|tsx?|go|rs|rb|java|kt|cs?|cc|cpp|hp?p?|php|sh|md|txt)"
    r":\d{1,7}(?![\w-])"
)
_ARN = _lazily(r"\barn:[^\s\"']{0,200}:$")
_OPENING = _lazily(r"""[\[(]\s{0,8}[bBuU]?\\{0,127}["']$""")
_CLOSING = _lazily(r"\s{0,8}(?:[\])]|\Z)")
_ELEMENT = _lazily(r"(?:<|&lt;)(?:[\w-]{1,40}:)?$")
_ATTRIBUTE = _lazily(
    r"""\b(?:name|key|id|type|header)\\{0,127}["']?\s{0,3}[:=]\s{0,3}[bu]?\\{0,127}["']?$"""
)
_ENTRY = _lazily(r"""\b(?:name|key):[ ]{1,4}["']?$""")
_TYPE_OF_INPUT = _lazily(r"""\btype=["']?$""")
_IN_QUOTES = _lazily(r"""^\\{0,127}["'`]""")
_WORD = _lazily(r"([A-Za-z]{2,12})[ -]$")
