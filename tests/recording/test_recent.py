"""What was done lately is known, and as much of it as there is room for."""

import threading

from agentlog.recording.recent import Recent


def test_who_publishes_first_is_the_one():
    """The others get what was there before them."""
    recent = Recent()
    assert "first" == recent.publish(1, "first")
    assert "first" == recent.publish(1, "second")
    assert ("first", None) == (recent.get(1), recent.get(2))


def test_the_oldest_make_room():
    """Thousands are remembered, and no more."""
    recent = Recent()
    for number in range(10_000):
        recent.publish(number, number)
    assert 1000 < len(recent) < 5000
    assert 9_999 in recent
    assert 0 not in recent


def test_of_many_threads_one_is_first():
    """All of them agree on who it was."""
    recent, gate = Recent(), threading.Barrier(4)
    answers = [[] for _ in range(4)]

    def work(mine):
        gate.wait()
        mine.extend(recent.publish(key, object()) for key in range(2000))

    threads = [threading.Thread(target=work, args=[mine]) for mine in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(set(published)) == 1 for published in zip(*answers, strict=True))
