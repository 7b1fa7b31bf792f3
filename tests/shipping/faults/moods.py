"""A server of the soak, which changes its mood with every request."""

import random
import time

from tests.shipping import server as fake
from tests.shipping.faults.lab import lost_by
from tests.shipping.server import answering, collecting, receipt_for, response

WHY = "poison"


class Moody:
    """A collector most of the time; every choice comes from its seed.

    Attributes:
        well: Whether it has no moods any more, and takes everything.
        moods: How often it was in which mood.

    """

    def __init__(self, seed, moods):
        self.chance = random.Random(seed)
        self.moods = moods
        self.well = False

    def __call__(self, request):
        """Behave as the mood is."""
        if self.well:
            return collecting()(request)
        mood = self.chance.choice(MOODS)
        self.moods[f"requests answered by {mood}"] += 1
        return getattr(self, mood)(request)

    def taking(self, request):
        """Take all but poison, which is refused in the receipt."""
        events = request.events
        poison = [n for n, event in enumerate(events) if _is_poison(event)]
        for event in (event for event in events if not _is_poison(event)):
            request.server.records.setdefault(event["id"], []).append(event)
        request.send(response(200, receipt_for(events, dict.fromkeys(poison, WHY))))

    def choosy(self, request):
        """Refuse a whole batch in which there is poison."""
        if any(map(_is_poison, request.events)):
            return answering(self.chance.choice([400, 422]), WHY.encode())(request)
        return self.taking(request)

    def slow(self, request):
        """Take its time."""
        time.sleep(self.chance.uniform(0, 0.5))
        return self.taking(request)

    def small(self, request):
        """Take no large batch."""
        return fake.no_larger_than(64_000, self.taking)(request)

    def losing(self, request):
        """Commit, and lose the answer."""
        return lost_by(lambda *_: False, self.taking)(request)

    def cutting(self, request):
        """Commit, and cut the answer short."""

        def cut(request, answer):
            request.send(answer[: self.chance.randrange(len(answer))])
            return False

        return lost_by(cut, self.taking)(request)

    def resetting(self, request):
        """Reset the connection in the middle of the body."""
        return fake.resetting(request)

    def busy(self, request):
        """Answer that it is not now."""
        status = self.chance.choice([408, 425, 429, 500, 502, 503, 504])
        after = self.chance.choice(["0", "1", "soon", ""])
        return answering(status, retry_after=after)(request)

    def lying(self, request):
        """Answer with what is no receipt."""
        status = self.chance.choice([200, 202, 204, 302, 401, 404])
        return answering(status, self.chance.choice([b"", b"{}", b"<html>"]))(request)


MOODS = [
    *["taking"] * 12, *["choosy"] * 3, *["slow"] * 2, "small", *["losing"] * 3, "cutting",
    "resetting", *["busy"] * 2, "lying",
]  # fmt: skip


def _is_poison(event):
    return (event.get("params") or {}).get("poison", False)
