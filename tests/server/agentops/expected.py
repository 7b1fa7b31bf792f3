"""What there has to be once `program.py` has run with a version of the SDK."""

from itertools import groupby

REASON = "all is said"


def by_name(events):
    """Events by their names."""
    named = sorted(events, key=lambda one: one["event_type"])
    return {name: list(them) for name, them in groupby(named, key=lambda one: one["event_type"])}


def first(version, root, others):
    """Compare with what 0.0.x recorded."""
    number = tuple(int(part) for part in version.split("."))
    events = by_name(others)
    tags = ["weather", "oslo", *(["added"] if number >= (0, 0, 22) else [])]
    assert ("Success", "5") == (root["result"], root["rating"])
    assert (["llm=GPT-4"] if number < (0, 0, 3) else tags) == root["tags"]
    assert (REASON if number >= (0, 0, 13) else None) == root.get("reason")
    assert ({"video": "v"} if number >= (0, 0, 21) else None) == root.get("params")
    assert root["timestamp"] <= root["end_timestamp"]
    assert {root["id"]} == {one["parent_id"] for one in others}
    _functions(number, events)
    _events(number, events)
    _logged(events)


def _functions(number, events):
    ((forecast,), (fails,)) = events["forecast"], events["fails"]
    assert ("Success", ["Oslo", 2]) == (forecast["result"], forecast["returns"])
    assert "Oslo" == forecast["params"]["city"]
    assert ("Fail", {"city": "Atlantis"}) == (fails["result"], fails["params"])
    assert ["weather"] == fails["tags"]
    if number >= (0, 0, 13):
        assert {"ValueError": "no Atlantis"} == fails["returns"]
        assert {"type": "ValueError", "message": "no Atlantis"} == fails["error"]
    assert (1 if number >= (0, 0, 6) else 0) == len(events.get("later", ()))


def _events(number, events):
    ((ask,), (numbers,)) = events["ask"], events["numbers"]
    assert ({"city": "Oslo"}, ["asked"], "Success") == (ask["params"], ask["tags"], ask["result"])
    assert ("rain" if number < (0, 0, 3) else {"sky": "rain"}) == ask["returns"]
    if number >= (0, 0, 4):
        assert ("llm", "gpt-4") == (ask["action_type"], ask["model"])
        assert "Will it rain?" == ask["prompt"]
        (snow,) = events["enum"]  # 0.0.4 says action where it was told nothing
        assert "Will it snow?" == snow["prompt"]
        assert ("llm" if number >= (0, 0, 5) else "action") == snow["action_type"]
    if number >= (0, 0, 11):
        assert (12, 3) == (ask["prompt_tokens"], ask["completion_tokens"])
    if number >= (0, 0, 10):
        (look,) = events["look"]
        assert "screenshot" == look["action_type"]
        assert {"screenshot": "https://x.test/a.png"} == look["params"]
    assert 2 == len(events["twin"])
    assert "Indeterminate" == events["cache_miss"][0]["result"]
    assert {"params": "no object"} == events["text"][0]["params"]
    expected = {"nan": "NaN", "huge": str(1 << 80), "surrogate": "\ufffd", "none": None}
    assert expected == numbers["params"]


def _logged(events):
    ((info,), (error,)) = events["weather:INFO"], events["weather:ERROR"]
    assert ("looking", "Indeterminate") == (info["returns"], info["result"])
    assert ("nothing seen", "Fail") == (error["returns"], error["result"])


def later(version, root, others):
    """Compare with what 0.1 to 0.3 recorded."""
    events = by_name(others)
    assert ("Success", REASON) == (root["result"], root["reason"])
    assert {"weather", "oslo", "added"} == set(root["tags"])
    # 0.3 tells nothing of itself where another thread of its own imports in that moment.
    assert version == root["process"].get("agentops", version if version >= "0.3" else None)
    ((llm,), (radar,), (plan,)) = events["llm"], events["radar"], events["plan"]
    assert ("llm", "gpt-4", 12, 3) == tuple(
        llm[name] for name in ("action_type", "model", "prompt_tokens", "completion_tokens")
    )
    assert {"role": "assistant", "content": "Yes"} == llm["returns"]
    assert ("tool", "swept") == (radar["action_type"], radar["params"]["logs"])
    assert ({"city": "Oslo"}, "go") == (plan["params"], plan["returns"])
    assert ["Oslo", 2] == events["forecast"][0]["returns"]
    assert {"look", "meteorologist"} <= events.keys()
    _errors(version, root, events)


def _errors(version, root, events):
    ((storm,), (error,)) = events["Storm"], events["ValueError"]
    assert ({"code": "9"}, "Fail") == (storm["params"], storm["result"])
    assert {"type": "Storm", "message": "too much wind"} == storm["error"]
    assert ("Fail", "no Atlantis") == (error["result"], error["error"]["message"])
    parent = root
    if version not in {"0.1.0", "0.3.26"}:  # these do not send the call that failed
        (parent,) = events["fails"]
        assert "Fail" == parent["result"]
    assert parent["id"] == error["parent_id"]


def spans(version, root, others):
    """Compare with what 0.4 recorded."""
    number = tuple(int(part) for part in version.split("."))
    events = {one["event_type"]: one for one in others}
    assert ("agentops", "Success", ["weather", "oslo"]) == (
        root["event_type"],
        root["result"],
        root["tags"],
    )
    path = "forecast" if number >= (0, 4, 14) else "session", "meteorologist", "look"
    for parent, name in zip((root["event_type"], *path), path, strict=False):
        assert {**events, "agentops": root}[parent]["id"] == events[name]["parent_id"]
    radar, fails = events["radar"], events["fails"]
    (llm,) = (one for one in others if one["action_type"] == "llm")
    assert {events["look"]["id"]} == {one["parent_id"] for one in (radar, fails, llm)}
    assert ({"sky": "rain", "city": "Oslo"}, ["Oslo"]) == (
        radar["returns"],
        radar["params"]["args"],
    )
    assert ("tool" if number >= (0, 4, 14) else "action") == radar["action_type"]
    assert ("Fail", "ValueError", "no Atlantis") == (
        fails["result"],
        fails["error"]["type"],
        fails["error"]["message"],
    )
    _call(llm)
    if number >= (0, 4, 7):  # those before keep their log
        assert root["id"] == events["log"]["parent_id"]
        assert "said" in events["log"]["returns"]


def _call(llm):
    assert ("llm", "gpt-4o-mini") == (llm["action_type"], llm["model"])
    assert [{"role": "user", "content": "Will it rain in Oslo?"}] == llm["prompt"]
    assert "assistant" == llm["returns"][0]["role"]
    assert llm["prompt_tokens"] > 0 < llm["completion_tokens"]
