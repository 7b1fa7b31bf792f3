"""A program as its authors wrote it for the AgentOps SDK, run with the SDK that is installed.

It is run by the Python of an environment that has one version of the SDK and nothing of agentlog:
`python program.py ENDPOINT [KEY]`. It says in one session all that this version can say, and
reaches nothing but the loopback: what else the SDK asks for (its home page, its package's newest
version) it does not find.
"""

import asyncio
import contextlib
import inspect
import socket
import sys
import time
import types
from importlib.metadata import version

VERSION = tuple(int(part) for part in version("agentops").split("."))
REASON = "all is said"
WAIT = 400  # milliseconds until a queue is sent: all that is recorded here goes in one batch
resolve = socket.getaddrinfo


def on_loopback(host, *rest, **more):
    """Find this machine, and nothing else."""
    if host not in ("127.0.0.1", b"127.0.0.1"):
        raise socket.gaierror(socket.EAI_NONAME, "there is only the loopback")
    return resolve(host, *rest, **more)


socket.getaddrinfo = on_loopback


def known(function, **arguments):
    """Return those arguments that this version knows."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in names}


class Unknown:
    """A value of which JSON knows nothing."""


# -- 0.0.1 to 0.0.22 -------------------------------------------------------------------------------


def first_client(endpoint, key):
    """Make a client, which starts a session."""
    import agentops

    if VERSION < (0, 0, 3):
        from agentops.config import Configuration

        config = Configuration(endpoint=endpoint, max_wait_time=WAIT)
        return agentops.AgentOps(key, tags={"llm": "GPT-4"}, config=config)
    return agentops.Client(
        api_key=key, tags=["weather", "oslo"], endpoint=endpoint, max_wait_time=WAIT
    )


def first_events(client):
    """Record events of every form."""
    from agentops import Event

    whole = known(
        Event.__init__,
        params={"city": "Oslo"},
        output="rain",
        returns={"sky": "rain"},
        result="Success",
        action_type="llm",
        model="gpt-4",
        prompt="Will it rain?",
        tags=["asked"],
        prompt_tokens=12,
        completion_tokens=3,
    )
    client.record(Event("ask", **whole))
    client.record(Event("cache_miss"))
    client.record(Event("text", params="no object", result="Fail"))
    twin = Event("twin", params={"n": 1})
    client.record(twin)
    client.record(twin)
    numbers = {"nan": float("nan"), "huge": 1 << 80, "surrogate": "\ud800", "none": None}
    client.record(Event("numbers", params=numbers))
    if VERSION >= (0, 0, 3):
        client.record(Event("object", params={"it": Unknown()}, returns=Unknown()))
    if VERSION >= (0, 0, 4):
        from agentops import Models

        client.record(Event("enum", model=Models.GPT_4, prompt="Will it snow?"))
    if VERSION >= (0, 0, 10):
        client.record(Event("look", action_type="screenshot", screenshot="https://x.test/a.png"))


def first_functions(client):
    """Call functions that are recorded; a function may fail."""

    @client.record_action("forecast")
    def forecast(city, days=2):
        return city, days

    @client.record_action("fails", tags=["weather"])
    def fails(city):
        raise ValueError(f"no {city}")

    forecast("Oslo")
    with contextlib.suppress(ValueError):
        fails("Atlantis")
    if VERSION >= (0, 0, 6):

        @client.record_action("later")
        async def later(city):
            return city

        asyncio.run(later("Rome"))


def first_log_lines(client):
    """Log by the SDK's handler."""
    from agentops import AgentOpsLogger

    logger = AgentOpsLogger.get_agentops_logger(client, "weather")
    logger.info("\x1b[32mlooking\x1b[0m")
    logger.error("nothing seen")


def first(endpoint, key):
    """Say everything, as 0.0.x says it."""
    client = first_client(endpoint, key)
    first_functions(client)
    first_events(client)
    first_log_lines(client)
    if VERSION >= (0, 0, 22):
        client.add_tags(["added"])
    client.end_session(
        **known(
            client.end_session, end_state="Success", rating="5", end_state_reason=REASON, video="v"
        )
    )


# -- 0.1 to 0.3 ------------------------------------------------------------------------------------


def later_events(agentops, record):
    """Record events of every kind."""
    record(agentops.ActionEvent(action_type="plan", params={"city": "Oslo"}, returns="go"))
    record(
        agentops.LLMEvent(
            prompt=[{"role": "user", "content": "Will it rain?"}],
            completion={"role": "assistant", "content": "Yes"},
            model="gpt-4",
            prompt_tokens=12,
            completion_tokens=3,
        )
    )
    tool = agentops.ToolEvent(name="radar", params={"it": Unknown()}, logs="swept")
    record(tool)
    record(agentops.ErrorEvent(error_type="Storm", details="too much wind", code="9"))


def later_functions(agentops):
    """Call functions and make an agent, all of them recorded; a function may fail."""
    named = getattr(agentops, "record_action", None) or agentops.record_function
    if VERSION < (0, 1, 1):
        from agentops.agent import track_agent
    else:
        from agentops import track_agent

    @named("forecast")
    def forecast(city, days=2):
        return city, days

    @named("fails")
    def fails(city):
        raise ValueError(f"no {city}")

    @track_agent(name="meteorologist")
    class Agent:
        @named("look")
        def look(self, city):
            return city

    forecast("Oslo")
    with contextlib.suppress(ValueError, RecursionError):
        fails("Atlantis")
    Agent().look("Rome")


def later(endpoint, key):
    """Say everything, as 0.1 to 0.3 say it."""
    import agentops

    agentops.init(
        **known(
            agentops.init,
            api_key=key,
            endpoint=endpoint,
            max_wait_time=WAIT,
            tags=["weather", "oslo"],
            default_tags=["weather", "oslo"],
            instrument_llm_calls=False,
            env_data_opt_out=True,
        )
    )
    later_functions(agentops)
    later_events(agentops, agentops.record)
    agentops.add_tags(["added"])
    agentops.end_session("Success", REASON)


# -- From 0.4 on -----------------------------------------------------------------------------------


def decorated(decorators):
    """Return an agent whose method calls a tool and, where its client is there, a model."""
    tool = getattr(decorators, "tool", None) or decorators.operation

    @tool(name="radar")
    def radar(city):
        return {"sky": "rain", "city": city}

    @decorators.operation(name="fails")
    def fails(city):
        raise ValueError(f"no {city}")

    @decorators.agent(name="meteorologist")
    class Agent:
        @decorators.operation(name="look")
        def look(self, city):
            radar(city)
            print("said")
            with contextlib.suppress(ImportError):
                import openai

                asked = [{"role": "user", "content": f"Will it rain in {city}?"}]
                openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=asked)
            with contextlib.suppress(ValueError):
                fails("Atlantis")
            return city

    return Agent()


def spans(endpoint, key):
    """Say everything, as 0.4 says it."""
    import agentops
    from agentops.sdk import decorators

    agentops.init(
        api_key=key,
        endpoint=endpoint,
        exporter_endpoint=f"{endpoint}/v1/traces",
        auto_start_session=False,
    )
    time.sleep(1)  # it asks for its token in the background, and sends spans without it until then
    tags = ["weather", "oslo"]
    if hasattr(agentops, "start_trace"):
        trace = agentops.start_trace("forecast", tags=tags)
        decorated(decorators).look("Oslo")
        agentops.end_trace(trace, "Success")
        return
    session = agentops.start_session(tags=tags)
    decorated(decorators).look("Oslo")
    agentops.end_session(session)


def stand_in_for_langchain():
    """Give 0.0.12, which cannot be imported without langchain, the names that it looks for."""

    class Anything(types.ModuleType):
        def __getattr__(self, name):
            return type(name, (), {})

    within = ("", ".agents", ".callbacks", ".callbacks.base", ".documents", ".messages", ".outputs")
    packages = (
        f"{package}{name}" for package in ("langchain", "langchain_core") for name in within
    )
    for name in (*packages, "tenacity"):
        sys.modules[name] = Anything(name)


if __name__ == "__main__":
    endpoint, *rest = sys.argv[1:]
    if VERSION == (0, 0, 12):
        stand_in_for_langchain()
    say = first if VERSION < (0, 1) else later if VERSION < (0, 4) else spans
    say(endpoint, rest[0] if rest else None)
