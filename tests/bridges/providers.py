"""The official clients and how each is used, so that one test can be about all of them.

A client takes half a second to import, so it is imported when a test wants it.
"""

from agentlog.demo import fake_anthropic, fake_openai

QUESTION = "Owls hunt at night. When do owls hunt?"
ANSWER = "Owls hunt at night."
TOKENS = (8, 4)
WEATHER = "Will it rain in Oslo or in Rome?"
CITIES = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}}


class OpenAI:
    """Chat completions, by the client of OpenAI."""

    name = "openai"
    serving = staticmethod(fake_openai.serving)
    tools = ({"type": "function", "function": {"name": "forecast", "parameters": CITIES}},)

    def __init__(self):
        import openai

        self.package = openai

    def client(self, address, **more):
        return self.package.OpenAI(base_url=f"{address}/v1", api_key="none", **more)

    def async_client(self, address, **more):
        return self.package.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", **more)

    def ask(self, client, content=QUESTION, model="gpt-4o", **more):
        messages = [{"role": "user", "content": content}]
        return client.chat.completions.create(model=model, messages=messages, **more)

    def stream(self, client, content=QUESTION):
        return self.ask(client, content, stream=True, stream_options={"include_usage": True})

    def picture(self, data):
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}

    def text(self, answer):
        return answer.choices[0].message.content

    def piece(self, chunk):
        return (chunk.choices[0].delta.content or "") if chunk.choices else ""


class Anthropic:
    """Messages, by the client of Anthropic."""

    name = "anthropic"
    serving = staticmethod(fake_anthropic.serving)
    tools = ({"name": "forecast", "input_schema": CITIES},)

    def __init__(self):
        import anthropic

        self.package = anthropic

    def client(self, address, **more):
        return self.package.Anthropic(base_url=address, api_key="none", **more)

    def async_client(self, address, **more):
        return self.package.AsyncAnthropic(base_url=address, api_key="none", **more)

    def ask(self, client, content=QUESTION, model="claude-haiku", *, max_tokens=100, **more):
        asked = {"messages": [{"role": "user", "content": content}], "max_tokens": max_tokens}
        return client.messages.create(model=model, **asked, **more)

    def stream(self, client, content=QUESTION):
        return self.ask(client, content, stream=True)

    def picture(self, data):
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return {"type": "image", "source": source}

    def text(self, answer):
        return answer.content[0].text

    def piece(self, event):
        return event.delta.text if event.type == "content_block_delta" else ""
