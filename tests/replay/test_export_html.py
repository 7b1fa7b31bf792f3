"""A session as one HTML file; what a browser makes of it is in tests/page/test_exported.py."""

import gzip
import json
import re
from base64 import b64decode

import pytest

from agentlog import export
from agentlog.replay.export import html
from agentlog.replay.export.bundle import bundled
from agentlog.store.sqlite.store import SqliteStore
from tests.page.runs import run
from tests.server.collector import session_id

MODULES = {
    "a.js": 'import { b, c as d } from "./b.js";\nexport const a = () => b() + d;\n',
    "b.js": 'import { e } from "./c.js";\nexport function b() { return e; }\nexport const c = 1;\n',
    "c.js": "export class C {}\nexport async function* f() {}\nexport const e = 2;\n",
}


def test_modules_are_one_script():
    """Each is a function behind those that it needs, and answers with what it exports."""
    script = bundled(MODULES, ["a.js", "b.js"])
    assert "export" not in script
    assert 'from "' not in script
    assert ["$m0", "$m1", "$m2"] == re.findall(r"^const (\$m\d)", script, re.MULTILINE)
    assert "const { b, c: d } = $m1;" in script
    assert "return { C, f, e };" in script


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('import * as b from "./b.js";', "has what is not bundled"),
        ("export default 1;", "has what is not bundled"),
        ("export { a };", "has what is not bundled"),
        ('const a = "</script>";', "has what is not bundled"),
        ('const a = "<!--";', "has what is not bundled"),
        ('import { a } from "./nowhere.js";', "there is no nowhere.js"),
        ('import { a } from "./a.js";', "import each other"),
    ],
)
def test_other_forms_are_refused(text, why):
    """What would be bundled wrongly is not bundled."""
    with pytest.raises(ValueError, match=why):
        bundled({"a.js": text}, ["a.js"])


def test_every_module_of_the_page_can_be_bundled():
    """The page keeps to the forms that are known."""
    page = export._page()
    for name in page:
        if name.endswith(".js"):
            assert bundled(page, [name])


@pytest.fixture
def exported():
    """A run in a store, and its file."""
    with SqliteStore() as store:
        store.put(run(500))
        parts = html.parts(export.run_of(store, session_id(1)), export._page())
        yield store, "".join(parts)


def data(text):
    """Return the parsed data of a file, by the ids of the elements."""
    found = re.findall(r'<script type="application/octet-stream" id="([^"]*)"[^>]*>(.*?)<', text)
    return {name: json.loads(gzip.decompress(b64decode(packed))) for name, packed in found}


def test_the_data_is_inside(exported):
    """The outline in one element, and the whole events in their order some hundred at a time."""
    store, text = exported
    found = data(text)
    outline = found.pop("agentlog-outline")
    events = [event for chunk in found.values() for event in chunk]
    assert store.session(session_id(1)) == events
    assert [event["id"] for event in events] == [row[0] for row in outline["rows"]]
    assert session_id(1) == outline["session_id"]
    assert [200, 200, 100] == [len(chunk) for chunk in found.values()]
    assert f'data-size="{html.IN_A_CHUNK}"' in text


def test_nothing_comes_from_elsewhere(exported):
    """The file names no other file, and its policy lets in one script and one style."""
    _, text = exported
    shell = re.sub(r"<script.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(src|href|action|url)\b\s*[=(]", shell)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src &#x27;none&#x27;" in policy
    assert "unsafe" not in policy
    assert 1 == len(re.findall('<script type="module"', text))


def test_a_session_of_nothing_is_a_file_too():
    """Where there are no events, there are no rows."""
    with SqliteStore() as store:
        text = "".join(html.parts(export.run_of(store, "5" * 32), export._page()))
    assert [] == data(text)["agentlog-outline"]["rows"]
