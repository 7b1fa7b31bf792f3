"""The pages' files and addresses: who gets them, under which policy, and how a key opens them."""

import re
from urllib.parse import urlencode

import pytest

from agentlog.server.pages import POLICY, files
from tests.server.collector import record, session_id
from tests.server.test_auth import FORM, as_visitor, cookie_of

SHELLS = ["/", f"/sessions/{session_id()}"]


@pytest.mark.parametrize("path", SHELLS)
def test_a_stranger_gets_the_form(path, collector):
    """At every address of a page; nothing of the page itself."""
    for asked in (path, f"{path}?token=wrong"):
        answer = collector.ask("GET", asked)
        assert (401, "no-store") == (answer.status, answer.headers["Cache-Control"])
        assert "<form method='post'>" in answer.text
        assert "<script" not in answer.text


@pytest.mark.parametrize("path", SHELLS)
def test_the_token_in_any_address_becomes_the_cookie(path, collector):
    """And the browser is sent to the same address without it, with all else that stood in it."""
    collector.post([record()])
    answer = collector.ask("GET", f"{path}?a=1&token={collector.token}&b=%26")
    assert (303, f"{path}?a=1&b=%26") == (answer.status, answer.headers["Location"])
    assert 200 == collector.ask("GET", path, headers=as_visitor(answer)).status


@pytest.mark.parametrize("path", SHELLS)
def test_the_form_comes_out_where_it_was_asked_for(path, collector):
    """It is sent to the address of the page."""
    form = urlencode({"key": collector.token})
    answer = collector.ask("POST", f"{path}?token=wrong", form, FORM)
    assert (303, path) == (answer.status, answer.headers["Location"])
    assert collector.token == cookie_of(answer).value
    wrong = collector.ask("POST", path, "key=wrong", FORM)
    assert (401, None) == (wrong.status, wrong.headers["Set-Cookie"])


@pytest.mark.parametrize("path", ["/sessions/%2F%2Fexample.com", "/sessions/a%0d%0ab"])
def test_no_address_leads_elsewhere(path, collector):
    """Whatever stands in it is written as a path again, or is no address here."""
    answer = collector.ask("GET", f"{path}?token={collector.token}")
    assert answer.headers.get("Location", path) in (path, path.replace("%0d%0a", "%0D%0A"))


def test_a_session_is_asked_for_with_the_first_line_of_its_page(collector):
    """Its address stands in a header, whatever the id is; no stranger is told."""
    for name, told in ((session_id(), session_id()), ("a%3E%0d%0a;b", "a%3E%0D%0A%3Bb")):
        link = f"<../v1/sessions/{told}/outline>; rel=preload; as=fetch; crossorigin"
        assert link == collector.get(f"/sessions/{name}").headers["Link"]
    assert None is collector.get(f"/sessions/{session_id()}", "").headers["Link"]


def test_every_answer_runs_under_the_policy(collector):
    """Pages, their files and the form let nothing in that does not come from here."""
    for path in (*SHELLS, "/page/sessions.js", "/page/page.css"):
        for secret in (collector.token, ""):
            assert POLICY == collector.get(path, secret).headers["Content-Security-Policy"]
    assert not re.search("unsafe|https?:|\\*", POLICY)


def test_the_page_of_what_is_not_there_is_a_404(collector):
    """Which says so itself; a browser does not keep it. Of a comparison both have to be there."""
    collector.post([record(session=8)])
    there, missing = session_id(8), session_id(9)
    known = collector.get(f"/sessions/{there}")
    tag = known.headers["ETag"]
    absent = collector.get(f"/sessions/{missing}", If_None_Match=tag)
    assert (404, None, "no-store") == (
        absent.status,
        *map(absent.headers.get, ("ETag", "Cache-Control")),
    )
    assert known.body == absent.body
    assert POLICY == absent.headers["Content-Security-Policy"]
    pairs = {(there, there): 200, (there, missing): 404, (missing, there): 404}
    for pair, status in pairs.items():
        assert status == collector.get("/compare/{}/{}".format(*pair)).status


def test_a_file_is_kept_until_it_is_another(collector):
    """A browser asks whether what it has is still the same; it gets it only if it is not."""
    first = collector.get("/page/sessions.js", "")
    assert (200, "no-cache") == (first.status, first.headers["Cache-Control"])
    assert "text/javascript; charset=utf-8" == first.headers["Content-Type"]
    again = collector.get("/page/sessions.js", "", If_None_Match=first.headers["ETag"])
    assert (304, b"") == (again.status, again.body)
    assert 200 == collector.get("/page/sessions.js", "", If_None_Match='"another"').status
    assert 401 == collector.get("/", "", If_None_Match=first.headers["ETag"]).status


@pytest.mark.parametrize(
    "name",
    ["", "sessions.html", "nothing.js", "..%2Fpages.py", "%2e%2e/pages.py", "page.css%00", "a/b"],
)
def test_there_are_no_other_files(name, collector):
    """Shells are served at their own addresses, and nothing is looked up on the disk."""
    assert 404 == collector.get(f"/page/{name}").status


def loaded(shell, table):
    """Return the names of the scripts and styles that a page loads."""
    names, pending = set(), re.findall(r"page/([a-z-]+\.(?:js|css))", table[shell].body.decode())
    while pending:
        name = pending.pop()
        if name not in names:
            names.add(name)
            pending += re.findall(r'from "\./([a-z-]+\.js)"', table[name].body.decode())
    return names


@pytest.mark.parametrize("shell", [name for name in files() if name.endswith(".html")])
def test_a_page_is_small(shell):
    """At most 60 kB of scripts and styles, as they are served; and each of them is there."""
    table = files()
    assert 60_000 >= sum(len(table[name].body) for name in loaded(shell, table))


def test_its_files_ask_for_nothing_elsewhere():
    """No address in them leads to another host, and none is absolute: it may be below a proxy."""
    for name, file in files().items():
        text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://\w|[\"'(]//\w", text), name
        assert not re.search(r"(src|href)=[\"']?/", text), name
        assert not re.search(r"<script(?![^>]* src=)| on\w+=| style=", text) or name[-3:] == ".js"
