"""What stands behind a secret's name in a text: how far it goes, and whether it is a secret.

A value is left alone where it is a placeholder (`${TOKEN}`, `***`), code (`get_token()`), or a word
of a sentence. Where mere words lead to it, it has to look made up: letters and digits mixed.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

from agentlog.recording.keys import any_of_these

PASSWORDS = ("password", "passwords", "passwd", "pwd", "passphrase")

_MOST = 8 << 10
_MOST_IN_BRACKETS = 4 << 10
_MOST_SLASHES = 512
_SMALL_NUMBER = 4
_SHORTEST_OF_SIGNS = 4
_WORDS_OF_CODE = any_of_these(
    """
    a an bool bytes empty expected expired false include incorrect int invalid missing must
    nil no none null object off omit on optional pass raise required return same-origin
    should str the true undefined wrong yes your
    """
)
_WORDS_OF_PROSE = any_of_these("as for if in is it that they this to we what when which who you")
_ANOTHER = (
    r"\$\{[^}]{0,80}\}|\$\(?[A-Z_][A-Z0-9_]*\)?|\$[a-z_]+|%\(\w+\)[sdr]|%[sdr]|%\w+%"
    r"|\{\{[^{}]{0,80}\}\}|\{[a-zA-Z_.!:]*\}|<[^<>\d\n]{0,60}>|\[[^\[\]\d\n\"']{0,60}\]"
)
"""What stands in a text for a value that will be put there."""
_PARAMETER = r"""(?:=\\{0,7}"[^"\\\r\n]{0,512}\\{0,7}"|[^\s"'\\,])"""
_DELIMITER = r"00(?:[01].|2[0267cC]|3[bceBCE]|[57][bdBD]|60)"
_ESCAPE = rf"\\{{1,127}}+(?![nrt\"']|u{_DELIMITER}|x(?={_DELIMITER[2:]})|(?:e|033)\[)"
"""An escape in JSON or a repr that stands for a letter, and not for a sign that ends a word."""
Plain = Literal["plain", "in_address", "encoded"]
"""Where a value stands whose word ends at a blank, at a `&`, or at a `%26`."""
_SCHEMES = ("bearer", "basic", "token", "digest", "apikey", "negotiate", "key")


class Value(NamedTuple):
    """Where a value begins and ends in a text, and where what encloses it ends."""

    begin: int
    end: int
    after: int
    is_quoted: bool = False


class _Expressions(NamedTuple):
    quote: re.Pattern[str]
    bracket: re.Pattern[str]
    enclosed: re.Pattern[str]
    plain: re.Pattern[str]
    in_address: re.Pattern[str]
    encoded: re.Pattern[str]
    behind_slashes: re.Pattern[str]
    line: re.Pattern[str]
    cookies: re.Pattern[str]
    authorization: re.Pattern[str]
    element: re.Pattern[str]
    placeholder: re.Pattern[str]
    stands_for_another: re.Pattern[str]
    identifier: re.Pattern[str]
    mixed: re.Pattern[str]
    algorithm: re.Pattern[str]


@cache
def _expressions() -> _Expressions:
    """Compile them when the first text asks for it: most programs never have one."""
    return _Expressions(
        quote=re.compile(  # also SecretStr('…'), b'…' and \"…\"
            r"""(?:[A-Z]\w{0,60}\()?[bBrRfFuUN]{0,2}(?P<slashes>\\{0,127}+)(?P<quote>"{3}|'{3}|["'`])"""
        ),
        bracket=re.compile(
            r"""[\[({]\s{0,8}(?:(?=[bBuU]?\\{0,127}["']|[\[({]|\d))"""
            r"""|(?<==)\{(?!\s|\w{1,40}\s?:)"""  # ODBC's {…;…}, and no block of code
            r"""(?=(?:[^{};\r\n]|\}\}){0,512}+;|(?:[^{}\r\n]|\}\}){1,512}+\};)"""
            r"""(?P<braced>(?:[^{}\r\n]|\}\}){1,512}+)\}"""
            r"""|[\[({<](?=[A-Za-z+/=._-]{0,512}\d)(?P<alone>[\w+/=.-]{4,512})[\])}>]"""
        ),
        enclosed=re.compile(
            r"""(?<!\\)"(?:[^"\\\n]|\\.){0,4096}+"|(?<!\\)'(?:[^'\\\n]|\\.){0,4096}+'"""
            r"""|[\[({]|[\])}]"""
        ),
        plain=re.compile(rf"""(?:[^\s"'\\,;&<>(){{}}\[\]`|]|{_ESCAPE}){{1,4096}}"""),
        in_address=re.compile(rf"""(?:[^\s"'\\,;&<>(){{}}\[\]`|#]|{_ESCAPE}){{1,4096}}"""),
        encoded=re.compile(
            rf"""(?:[^\s"'\\,;&<>(){{}}\[\]`|#%]|%(?!2[026]|3[BDbd])|{_ESCAPE}){{1,4096}}"""
        ),
        behind_slashes=re.compile(
            r"""\s{0,8}(?:[}\])>]{1,8}(?!\w)|;?\Z|\\{1,127}[rn]"""
            r"""|,\s{0,8}[bu]?(?P<slashes>\\{0,127})["']|,\s{1,8}\w{1,60}=)|;?[ \t]{0,8}[\r\n]"""
        ),
        line=re.compile(r"[^\r\n\\]{1,8192}"),
        cookies=re.compile(r"""[^\s"'\\;]{1,8192}(?:;[ ]?[^\s"'\\;]{1,4096}){0,200}"""),
        authorization=re.compile(
            r"(?:(?:[A-Za-z]{1,20}|AWS4[\w-]{1,40}) {1,8})?"
            rf"{_PARAMETER}{{1,8192}}(?:, {{0,8}}{_PARAMETER}{{1,4096}}){{0,50}}"
        ),
        element=re.compile(r"(?:[^<&]|&(?!lt;)){1,4096}+(?=</|&lt;/)"),
        placeholder=re.compile(rf"{_ANOTHER}|[*.•xX…#-]{{3,}}|…|\[redacted: [^\]]{{1,80}}\]"),
        stands_for_another=re.compile(rf"(?:{_ANOTHER})(?![\w$@!-])"),
        identifier=re.compile(r"(?:[A-Za-z_]+\.)*[A-Za-z_]+"),
        mixed=re.compile(r"(?=[A-Za-z]{0,64}[0-9])(?=[0-9]{0,64}[A-Za-z])[A-Za-z0-9]{6,}"),
        algorithm=re.compile(r"(?:sha|base|argon|pbkdf|rsa|ed|aes|bcrypt|md)\d{1,5}\w{0,2}"),
    )


def read(text: str, at: int, plain: Plain = "plain") -> Value | None:
    """Read the value that begins there: quoted, in brackets, or as far as its word goes."""
    expressions = _expressions()
    if expressions.stands_for_another.match(text, at):
        return None
    if match := expressions.quote.match(text, at):
        return _quoted(text, match.end(), match["quote"], len(match["slashes"]))
    if match := expressions.bracket.match(text, at):
        inside = "alone" if match["alone"] else "braced"
        return Value(*match.span(inside), match.end()) if match[inside] else _in_brackets(text, at)
    word: re.Pattern[str] = getattr(expressions, plain)
    match = word.match(text, at)
    return Value(*match.span(), match.end()) if match else None


def _quoted(text: str, begin: int, quote: str, slashes: int) -> Value:
    r"""Find the end of a quoted value; a quote that was escaped again and again has `\` before it.

    A quote with as many as the first one ends the value. One with more is the value's own, unless
    the value itself ends with a `\`: then what is behind it looks like the end of a value.
    """
    at, limit = begin, begin + _MOST
    while (at := text.find(quote, at, limit)) >= 0:
        near = text[max(begin, at - _MOST_SLASHES) : at]
        found = len(near) - len(near.rstrip("\\"))
        if found <= slashes or _is_an_end(text, at + len(quote), slashes, found):
            if quote == "'" and not slashes and begin < at and text.startswith("''", at):
                at += 2
                continue
            return _up_to_the_line(text, begin, at - min(found, slashes), at + len(quote), quote)
        at += 1
    end = min(limit, len(text))
    return _up_to_the_line(text, begin, end, end, quote)


def _is_an_end(text: str, behind: int, slashes: int, found: int) -> bool:
    r"""Say whether a quote with more `\` before it than the first one had ends the value."""
    if (found - slashes) // (slashes + 1) % 2:
        return False
    match = _expressions().behind_slashes.match(text, behind)
    return match is not None and len(match["slashes"] or "\\" * slashes) == slashes


def _up_to_the_line(text: str, begin: int, end: int, after: int, quote: str) -> Value:
    stop = -1 if len(quote) > 1 else text.find("\n", begin, end)
    if stop >= 0:
        end = after = stop
    return Value(begin, end, after, is_quoted=True)


def _in_brackets(text: str, at: int) -> Value:
    depth, limit = 0, min(at + _MOST_IN_BRACKETS, len(text))
    for match in _expressions().enclosed.finditer(text, at, limit):
        if match[0] in "[({":
            depth += 1
        elif match[0] in "])}":
            depth -= 1
            if depth == 0:
                return Value(at + 1, match.start(), match.end(), is_quoted=True)
    return Value(at + 1, limit, limit, is_quoted=True)


def read_line(text: str, at: int) -> Value | None:
    """Read to the end of the line."""
    match = _expressions().line.match(text, at)
    return Value(*match.span(), match.end()) if match else None


def read_header(text: str, at: int, kind: str) -> Value | None:
    """Read what such a header holds: a scheme and its parameters, or cookies."""
    expressions = _expressions()
    form = expressions.authorization if kind == "authorization" else expressions.cookies
    match = form.match(text, at)
    return Value(*match.span(), match.end()) if match else None


def read_element(text: str, at: int) -> Value | None:
    """Read the text of an XML element."""
    match = _expressions().element.match(text, at)
    return Value(*match.span(), match.end(), is_quoted=True) if match else None


def read_block(text: str, at: int, new_line: str) -> Value | None:
    """Read the lines of a YAML block: those with the first one's indentation."""
    margin = re.compile(r"(?:[ ]{0,40}\|)?[ \t]{1,40}").match(text, at)
    if margin is None:
        return None
    end = margin.end()
    while (stop := text.find(new_line, end, at + _MOST)) >= 0:
        if not text.startswith(margin[0], stop + len(new_line)):
            return Value(margin.end(), stop, stop)
        end = stop + len(new_line)
    end = min(at + _MOST, len(text))
    return Value(margin.end(), end, end)


def is_no_secret(
    text: str, value: Value, kind: str, name: str, kind_of: Callable[[str], str | None]
) -> bool:
    """Say whether a value is a placeholder, code, or the next word of a sentence."""
    content = text[value.begin : value.end].strip()
    expressions = _expressions()
    if not content or expressions.placeholder.fullmatch(content.rsplit(" ", 1)[-1]):
        return True
    if content.strip(".,:;!?").lower() in _WORDS_OF_CODE:
        return True
    if len(content) < _SHORTEST_OF_SIGNS and not any(map(str.isalnum, content)):
        return True
    if value.is_quoted:
        return False
    if text.startswith(("(", "["), value.end):
        return True
    if expressions.identifier.fullmatch(content) and _is_variable(content, name, kind, kind_of):
        return True
    if content.isdigit() and len(content) <= _SMALL_NUMBER:
        return kind == "token" or not _ends_in(name, kind)
    if content in _WORDS_OF_PROSE and text[value.end : value.end + 2].strip().isalpha():
        return True
    first = content.split(" ", 1)[0]
    is_word = first.isalpha() and (first.islower() or first.istitle())
    if not is_word or kind in PASSWORDS or first.lower() in _SCHEMES:
        return False
    return ":" in text[value.begin - 2 : value.begin] and text[value.begin - 1] == " "


def _is_variable(content: str, name: str, kind: str, kind_of: Callable[[str], str | None]) -> bool:
    """Say whether a value is a variable: `api_key=settings.api_key`, `password=password`."""
    last = name.replace("-", "_").rsplit(".", 1)[-1]
    return content.strip("_") == last.strip("_") or (
        kind_of(content) == kind and not content.isalpha()
    )


def _ends_in(name: str, kind: str) -> bool:
    return name.rstrip("0123456789_-.").lower().endswith(kind.rsplit(" ", 1)[-1])


def is_made_up(content: str, kind: str) -> bool:
    """Say whether a word mixes letters and digits as no ordinary word does."""
    expressions = _expressions()
    for match in expressions.mixed.finditer(content[:512]):
        run = match[0]
        if expressions.algorithm.fullmatch(run.lower()):
            continue
        is_mixed = not run.islower() and not run.isupper()
        if kind in PASSWORDS or len(run) >= (10 if is_mixed else 16):
            return True
    return False
