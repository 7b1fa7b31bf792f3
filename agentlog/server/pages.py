"""What a browser loads besides data: the files of the page, and the form that asks for a key.

The rule: the files are read once, at the start, into a table; no path of a request becomes that of
a file. A shell is an HTML file that is served at an address of its own, and only to who may read;
scripts and styles hold no data, and are for everybody. All of it runs under one policy, which lets
nothing in that does not come from here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_WANTED: Final = {"session.html": "../v1/sessions/{session_id}/outline"}
"""What a page will ask for: a browser is told with the first line, so as to ask at once."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page: its bytes, its media type, and a tag that says which version it is."""

    body: bytes
    kind: str
    tag: str


def files() -> dict[str, File]:
    """Read the files of the page, by their names."""
    found = {}
    for entry in resources.files("agentlog.server").joinpath("page").iterdir():
        kind = _KINDS.get(entry.name.rpartition(".")[2])
        if kind:
            body = entry.read_bytes()
            found[entry.name] = File(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
    return found


class Pages:
    """Serves the files."""

    def __init__(self, table: Mapping[str, File] | None = None) -> None:
        self._table = files() if table is None else table

    async def file(self, request: Request) -> Response:
        """Answer `GET /page/{name}`: a script, a style, an image."""
        name = request.path_params["name"]
        return self._answer("" if name.endswith(".html") else name, request)

    def shell(self, name: str, request: Request, *, is_there: bool) -> Response:
        """Return an HTML file for who may read; `is_there` says whether what it shows is."""
        answer = self._answer(name, request) if is_there else self._missing(name)
        if name in _WANTED:
            place = {key: quote(value, safe="") for key, value in request.path_params.items()}
            wanted = _WANTED[name].format(**place)
            answer.headers["Link"] = f"<{wanted}>; rel=preload; as=fetch; crossorigin"
        return answer

    def _missing(self, name: str) -> Response:
        # Without a tag: what a browser keeps would stay a 404.
        file = self._table[name]
        headers = {"Content-Security-Policy": POLICY, "Content-Type": file.kind}
        return Response(file.body, 404, headers)

    def _answer(self, name: str, request: Request) -> Response:
        file = self._table.get(name)
        if file is None:
            raise HTTPException(404, "there is no such file")
        # A browser keeps it, and asks each time whether it is still this one.
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": POLICY,
            "ETag": file.tag,
            "Vary": "Cookie",
        }
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers={**headers, "Content-Type": file.kind})


def login(root_path: str, wanted: str, *, was_wrong: bool = False) -> Response:
    """Return the form that asks for a key, or for the token.

    It is sent to the address that asked for it, so that the browser comes out there, with what it
    has behind a `#` and tells nobody.
    """
    wrong = f"<p role='alert'>This {escape(wanted)} is not known.</p>" if was_wrong else ""
    base = f"{escape(root_path)}/page"
    text = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>agentlog</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<link rel='icon' href='{base}/icon.svg'>"
        f"<link rel='stylesheet' href='{base}/page.css'>"
        f"<link rel='stylesheet' href='{base}/login.css'>"
        f"<main class='login'><h1>agentlog</h1>{wrong}<form method='post'>"
        f"<label for='key'>The {escape(wanted)}</label><input id='key' name='key' type='password'"
        " autofocus required autocomplete='current-password'><button>Open</button></form></main>"
    )
    return HTMLResponse(text, 401, {"Content-Security-Policy": POLICY})
