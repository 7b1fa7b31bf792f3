"""What tokens of a model cost, by the prices that genai-prices knows.

The rules of this file: a cost is made when it is read, of what an event says and the price of its
time, and never asked of a network: the prices are those that came with the package. It is an extra,
and imported for the first event with tokens; without it nothing has a cost. A model that it does
not know, or that is not known at its provider, costs `UNKNOWN`: no price is guessed. Whatever an
event says, nothing is raised.

Tokens of a cache are a part of the prompt's, as OpenAI and the instrumentations count. Where they
are more than those, they can be no part, and come on top, as Anthropic's API counts. Such a count
with a cache that is smaller than the rest looks like any other: it costs less than it did.

The sums are our own, as genai-prices takes a tenth of a millisecond for each; that they are the
same is tested for every model that it has.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

UNKNOWN: Final = "unknown"
"""The cost of what has no known price."""

DETAILS: Final = ("provider", "cached_tokens", "cache_write_tokens")
"""The params that a cost depends on."""

Cost = float | Literal["unknown"] | None
"""US dollars; None where there are no tokens, or no prices at all."""

_MOST_TOKENS: Final = (1 << 63) - 1
_LAST_MOMENT: Final = 253_370_764_800.0
_ANY_MOMENT: Final = datetime.fromtimestamp(0, UTC)
_LONGEST: Final = 200
"""Characters of the name of a model or a provider."""

_PROVIDERS: Final = {"azure.ai.inference": "azure", "gcp.gen_ai": "google", "x_ai": "x-ai"}
"""Names of OpenTelemetry's that genai-prices does not know:
https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/"""


def cost(
    model: object,
    given: object,
    made: object,
    when: object,
    provider: object = None,
    cached: object = None,
    written: object = None,
) -> Cost:
    """Return what a call cost.

    Args:
        model: Its name; with its provider before it, as in `openai/gpt-4o`, if need be.
        given: Tokens of the prompt.
        made: Tokens of the completion.
        when: Its time, in seconds since the epoch.
        provider: Who answered; without one, the provider whose models are called so.
        cached: Of the prompt, the tokens that were read from a cache; or beside it, see above.
        written: Of the prompt, the tokens that were written to a cache; or beside it.

    """
    tokens_in, tokens_out = _amount(given), _amount(made)
    if (tokens_in is None and tokens_out is None) or not are_there():
        return None
    known = _known(_name(model), _name(provider))
    rates = known.rates(when) if known else None
    if rates is None:
        return UNKNOWN
    return rates.cost(tokens_in or 0, tokens_out or 0, _amount(cached) or 0, _amount(written) or 0)


@cache
def are_there() -> bool:
    """Say whether there are prices at all."""
    try:
        import genai_prices  # noqa: F401
    except ImportError:
        return False
    return True


class _Rate(NamedTuple):
    """Dollars for a million tokens, and from how many tokens of a prompt on they are others."""

    base: float
    tiers: tuple[tuple[int, float], ...] = ()

    def at(self, tokens: int) -> float:
        """Return the price with a prompt of so many tokens; it holds for all of them."""
        if not self.tiers:
            return self.base
        return next((price for start, price in reversed(self.tiers) if tokens > start), self.base)


class _Rates(NamedTuple):
    """The prices of a model at a time."""

    given: _Rate
    made: _Rate
    cached: _Rate
    written: _Rate
    request: float

    def cost(self, given: int, made: int, cached: int, written: int) -> float:
        """Return dollars; a cache that has more than the prompt comes on top of it."""
        plain = given - cached - written
        if plain < 0:
            plain, given = given, given + cached + written
        millions = (
            plain * self.given.at(given)
            + made * self.made.at(given)
            + cached * self.cached.at(given)
            + written * self.written.at(given)
        )
        return millions / 1_000_000 + self.request


class _Known:
    """A model that has prices."""

    def __init__(self, model: "ModelInfo") -> None:
        self._model = model
        self._changes = isinstance(model.prices, list)
        self._rates: dict[int, _Rates | None] = {}  # by identity: a model keeps its prices

    def rates(self, when: object) -> _Rates | None:
        """Return the prices of a time, None if they are not for tokens."""
        prices = self._model.get_prices(_moment(when) if self._changes else _ANY_MOMENT)
        if id(prices) not in self._rates:
            self._rates[id(prices)] = _rates(prices)
        return self._rates[id(prices)]


def _rates(prices: "ModelPrice") -> _Rates | None:
    told = {name: price for name, price in vars(prices).items() if price is not None}
    if told and not {"input_mtok", "output_mtok"} & told.keys():
        return None
    given = _rate(told.get("input_mtok"))
    return _Rates(
        given=given,
        made=_rate(told.get("output_mtok")),
        cached=_rate(told["cache_read_mtok"]) if "cache_read_mtok" in told else given,
        written=_rate(told["cache_write_mtok"]) if "cache_write_mtok" in told else given,
        request=float(told.get("requests_kcount", 0)) / 1000,
    )


def _rate(price: object) -> _Rate:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        return _Rate(float(price.base), tuple((one.start, float(one.price)) for one in price.tiers))
    return _Rate(float(price or 0))  # type: ignore[arg-type] # a Decimal


@lru_cache(maxsize=1024)
def _known(model: str, provider: str) -> _Known | None:
    from genai_prices import Usage, calc_price

    for name, at in _asked(model, provider):
        try:
            return _Known(calc_price(Usage(), name, provider_id=at).model)
        except LookupError:
            continue
    return None


def _asked(model: str, provider: str) -> Iterator[tuple[str, str | None]]:
    """Yield under which names to look for a model, and with which provider."""
    if not model:
        return
    if provider:
        yield model, _PROVIDERS.get(provider.lower(), provider)
        return
    yield model, None
    first, _, rest = model.partition("/")
    if rest:
        yield rest, first
    yield model, "openai"  # of whose names not all tell whose they are


def _name(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _amount(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _MOST_TOKENS else None


def _moment(value: object) -> datetime:
    if isinstance(value, int | float) and 0 <= value < _LAST_MOMENT:
        return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)
