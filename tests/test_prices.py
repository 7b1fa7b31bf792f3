"""What tokens cost: as genai-prices has it, of every model and time, whatever an event says."""

import random
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog import prices
from agentlog.prices import UNKNOWN, cost

genai_prices = pytest.importorskip("genai_prices")

NOW = 1_795_252_458.5
MOMENTS = (1_690_000_000, 1_735_252_458.5, NOW, 1_738_400_400)
"""Of several years, the last in the hours when DeepSeek was cheaper."""

LAZY = """
import sys, threading
from pathlib import Path
asked = []
sys.addaudithook(lambda name, _: asked.append(name) if name.startswith("socket.") else None)
from agentlog.replay.tree import forest
from agentlog.store.sqlite.store import SqliteStore
event = {"id": "a", "session_id": "s", "parent_id": None, "event_type": "plan", "model": "gpt-4"}
event |= {"timestamp": 1.0, "end_timestamp": 2.0}
with SqliteStore(Path(sys.argv[1])) as store:
    store.put([event])
    with store.outline("s") as parts:
        print(*parts)
forest([event])
print("genai_prices" in sys.modules)
(root,) = forest([event | {"prompt_tokens": 1}])
print("genai_prices" in sys.modules, root.spent.dollars, asked, threading.active_count())
"""


def test_a_call_costs_its_tokens():
    """Thirty dollars for a million tokens in, sixty out."""
    assert 0.03012 == pytest.approx(cost("gpt-4", 812, 96, NOW))
    assert 0.02436 == pytest.approx(cost("gpt-4", 812, None, NOW))
    assert 0.00576 == pytest.approx(cost("gpt-4", None, 96, NOW))
    assert 0.0 == cost("gpt-4", 0, 0, NOW)


def test_what_is_read_from_a_cache_is_cheaper():
    """It is part of the prompt; where it is more than that, it was counted beside it."""
    whole = cost("claude-sonnet-4-5", 10_000, 100, NOW)
    cached = cost("claude-sonnet-4-5", 10_000, 100, NOW, None, 9_000)
    assert whole > cached > cost("claude-sonnet-4-5", 1_000, 100, NOW)
    assert cached == pytest.approx(cost("claude-sonnet-4-5", 1_000, 100, NOW, None, 9_000))
    written = cost("claude-sonnet-4-5", 10_000, 100, NOW, None, None, 9_000)
    assert written > whole


def every_price():
    """Yield each model of each provider, with what it costs at some moment."""
    chance = random.Random(9)
    for provider in genai_prices.data_snapshot.get_snapshot().providers:
        for model in provider.models:
            asked = chance.choice([0, 5, 1_000, 150_000, 250_000, 600_000])
            cached, written = chance.randint(0, asked // 2), chance.randint(0, asked // 2)
            made, when = chance.choice([0, 77, 5_000]), chance.choice(MOMENTS)
            yield provider, model, (asked, made, cached, written), datetime.fromtimestamp(when, UTC)


def test_all_models_cost_what_they_do():
    """The sums are those of genai-prices: tiers, caches, requests, times of day, price changes."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    for provider, model, counts, when in every_price():
        usage = genai_prices.Usage(**dict(zip(names, counts, strict=True)))
        expected = model.calc_price(usage, provider, genai_request_timestamp=when).total_price
        rates = prices._Known(model).rates(when.timestamp())
        if rates is None:  # it has prices, but none for tokens
            assert not expected, model.id
        else:
            found = rates.cost(*counts)
            assert float(expected) == pytest.approx(found), (provider.id, model.id)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-2024-08-06", None),
        ("gpt-4o", "openai"),
        ("GPT-4o", "OpenAI"),
        ("gpt-4o", "azure.ai.openai"),
        ("gpt-4o", "azure.ai.inference"),
        ("openai/gpt-4o", None),
        ("openai/gpt-4o", "litellm"),
        ("text-embedding-ada-002", None),
        ("claude-3-5-sonnet-20241022", None),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "aws.bedrock"),
        ("gemini-2.0-flash", "gcp.gemini"),
        ("gemini-2.0-flash", "gcp.gen_ai"),
        ("gemini-2.0-flash", "gcp.vertex_ai"),
        ("mistral-small-latest", "mistral_ai"),
        ("grok-3", "x_ai"),
    ],
)
def test_a_model_is_found(model, provider):
    """By its name alone, or with the names that OpenTelemetry has for providers."""
    assert 0 < cost(model, 1_000_000, 0, NOW, provider)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("my-own", None),
        ("llama3.2:3b", "ollama"),
        ("gpt-4", "ollama"),
        ("deepseek-r1:8b", "openai"),
        ("whisper-large-v3", "groq"),
        ("x" * 100_000, None),
        ("", None),
        (None, None),
        (None, "openai"),
    ],
)
def test_what_is_not_known_is_not_guessed(model, provider):
    """A model that has no price at its provider, that is paid by the hour, or that nobody named."""
    assert UNKNOWN == cost(model, 812, 96, NOW, provider)


def test_what_is_free_costs_nothing():
    """It has a price, which is none."""
    assert 0.0 == cost("meta-llama/llama-3.3-70b-instruct:free", 812, 96, NOW, "openrouter")


def test_a_price_is_that_of_the_time():
    """What became cheaper later was not so before."""
    then, now = (cost("o3", 1_000_000, 0, when) for when in (1_746_000_000, NOW))
    assert (10.0, 2.0) == (then, now)


def test_without_tokens_there_is_no_cost():
    """Nor where they are damage."""
    for tokens in (None, -1, True, "12", 1 << 63, 1.5):
        assert None is cost("gpt-4", tokens, tokens, NOW)


@pytest.mark.usefixtures("unpriced")
def test_without_the_extra_there_is_no_cost():
    """Not even an unknown one."""
    assert None is cost("gpt-4", 812, 96, NOW)
    assert None is cost("my-own", 812, 96, NOW)


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([{}])


@given(
    st.tuples(
        st.sampled_from(["gpt-4o", "gemini-2.5-pro", "claude-sonnet-4-5"]) | values,
        *(st.integers(0, 1 << 64) | values for _ in range(2)),
        *(values for _ in range(4)),
    )
)
def test_nothing_is_raised(said):
    """Whatever stands in an event: it costs something, nothing, or nobody knows."""
    found = cost(*said)
    assert found is None or found == UNKNOWN or 0 <= found < float("inf")


def test_prices_are_imported_for_the_first_tokens(tmp_path):
    """Not by reading what has none; no network is asked for them, and no thread is left."""
    command = [sys.executable, "-c", LAZY, str(tmp_path / "store.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ["False", "True 3e-05 [] 1"] == done.stdout.splitlines()[1:]
