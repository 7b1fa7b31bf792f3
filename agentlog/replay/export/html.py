"""A session as one HTML file: the page of the collector with the data inside.

The rules of this file: nothing is loaded from elsewhere, and nothing runs but the page's own
script, which the policy in the file names by its hash. The data stands in elements that are no
scripts, as base64 of gzip: the outline, and whole events some hundred at a time, so that a browser
unpacks only what is looked at. What the page expects there is told in server/page/file.js, which
stands here for source.js.
"""

import re
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from html import escape
from itertools import islice
from typing import Final

from agentlog.replay.export.bundle import bundled
from agentlog.replay.export.run import Run
from agentlog.replay.export.strict import written
from agentlog.store.outline import FIELDS

IN_A_CHUNK: Final = 200
"""Events that are unpacked together."""

_SHELL: Final = "session.html"
_COLLECTOR: Final = "source.js"
_ITSELF: Final = "file.js"
"""Where the page has a session from; and where the file has it from."""
_SCRIPT = re.compile(r'<script type="module" src="[^"]*?([\w-]+\.js)"></script>\n?')
_STYLE = re.compile(r'<link rel="stylesheet" href="[^"]*?([\w-]+\.css)">\n?')
_ELSEWHERE = re.compile(
    r'<link rel="(?:modulepreload|icon)"[^>]*>\n?|<a id="home".*?</a>\n?'
    r'|(?s:<details id="export">.*?</details>\n?)'
)
"""What leads out of the file."""
_GZIP = 31
"""What zlib calls the format of gzip."""


def parts(run: Run, page: Mapping[str, str]) -> Iterator[str]:
    """Yield the file; `page` are the page's files by their names."""
    shell = page[_SHELL]
    script = bundled({**page, _COLLECTOR: page[_ITSELF]}, _SCRIPT.findall(shell))
    style = "\n".join(page[name] for name in _STYLE.findall(shell))
    bare = _ELSEWHERE.sub("", _STYLE.sub("", _SCRIPT.sub("", shell)))
    head, end_of_head, body = bare.partition("</head>")
    start, charset, rest = head.partition('<meta charset="utf-8">\n')
    body, end_of_body, _ = body.partition("</body>")
    yield f"{start}{charset}{_policy(script, style)}\n{rest}<style>{style}</style>\n"
    yield f"{end_of_head}{body}"
    yield f'<script type="application/octet-stream" id="agentlog-outline" data-size="{IN_A_CHUNK}">'
    yield from _packed(_outline(run))
    yield "</script>\n"
    events = iter(run.events())
    number = 0
    while chunk := list(islice(events, IN_A_CHUNK)):
        yield f'<script type="application/octet-stream" id="agentlog-events-{number}">'
        yield from _packed(["[", ",".join(map(written, chunk)), "]"])
        yield "</script>\n"
        number += 1
    yield f'<script type="module">{script}</script>\n{end_of_body}\n</html>\n'


def _policy(script: str, style: str) -> str:
    """Return what lets this one script and this one style in, and images that are in the data."""
    content = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)};"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{escape(content)}">'


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _outline(run: Run) -> Iterator[str]:
    head = {"session_id": run.session_id, "is_silent": run.is_silent, "fields": FIELDS}
    yield f'{written(head)[:-1]},"rows":['
    between = ""
    for rows in run.outline():
        yield between + rows
        between = ","
    yield '],"at":null}'


def _packed(texts: Iterable[str]) -> Iterator[str]:
    """Pack a text, a part at a time."""
    packer = zlib.compressobj(9, wbits=_GZIP)
    held = b""
    for text in texts:
        held += packer.compress(text.encode())
        whole = len(held) - len(held) % 3  # so that the parts of the base64 are one
        if whole:
            yield b64encode(held[:whole]).decode()
            held = held[whole:]
    yield b64encode(held + packer.flush()).decode()
