"""What an answer means: each row of the table, and every receipt that is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlog.shipping.policy import (
    Answer,
    Decision,
    Receipt,
    Verdict,
    decide,
    delay_after,
    excerpt,
    receipt_of,
    seconds_to_wait,
)

LINES = [b'{"id":"a"}', b'{"id":"b"}', b'{"id":"c"}']
NOW = 784111777.0
"""Sun, 06 Nov 1994 08:49:37 GMT"""


def receipt(**fields):
    """Read a receipt for three lines."""
    return receipt_of(json.dumps(fields).encode(), LINES)


# -- The table -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([200, 201, 202, 204, 206, 299], Verdict.HOLD),
        ([300, 301, 302, 303, 304, 307, 308, 399], Verdict.HOLD),
        ([401, 402, 403, 404, 405, 407, 409, 410, 411, 415, 426, 431, 451, 499], Verdict.HOLD),
        ([600, 999], Verdict.HOLD),
        ([0, 100, 101, 103, 199], Verdict.RETRY),
        ([408, 425, 429, 500, 501, 502, 503, 504, 511, 520, 599], Verdict.RETRY),
        ([413], Verdict.SHRINK),
        ([400, 422], Verdict.BISECT),
    ],
)
def test_the_table(statuses, expected):
    """Each status has a verdict, and a reason to show."""
    decisions = [decide(Answer(status), LINES) for status in statuses]
    assert {expected} == {decision.verdict for decision in decisions}
    assert all(decision.why for decision in decisions)


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_an_acknowledgement(status):
    """A receipt that covers every record is one, with any status of success and with no other."""
    body = b'{"accepted": 3, "refused": []}'
    expected = Decision(Verdict.ACKNOWLEDGED, receipt=Receipt(3, {}))
    assert expected == decide(Answer(status, body), LINES)
    for other in (0, 103, 302, 400, 401, 413, 500):
        assert decide(Answer(other, body), LINES).receipt is None


def test_what_only_a_person_can_mend_is_held():
    """It is no use to try that again and again."""
    assert Verdict.HOLD is decide(Answer(failure="odd", lasting=True), LINES).verdict
    assert Verdict.RETRY is decide(Answer(failure="odd"), LINES).verdict


@given(st.integers(0, 999), st.binary(max_size=50), st.text(max_size=20))
def test_any_answer_is_decided(status, body, header):
    """There is an answer to every answer, and no acknowledgement by chance."""
    decision = decide(Answer(status, body, retry_after=header, location=header), LINES)
    assert decision.verdict is not Verdict.ACKNOWLEDGED
    assert decision.after is None or 0 < decision.after <= 300


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(failure="no answer in time"), "no answer in time"),
        (Answer(failure="odd", lasting=True), "odd"),
        (Answer(103), "103 and no answer after it"),
        (Answer(200, content_type="text/html"), "200 without a receipt for the batch (text/html)"),
        (Answer(204), "204 without a receipt for the batch"),
        (Answer(301, location="https://new\n/"), "301: moved to https://new /"),
        (Answer(304), "304"),
        (Answer(401, b"secret things"), "401: the key is not accepted"),
        (Answer(422, b'{"detail":\n  "no"}'), '422: {"detail": "no"}'),
        (Answer(503, b"\x1b[31mdown\xff"), "503: [31mdown\ufffd"),
    ],
)
def test_what_people_are_told(answer, expected):
    """The reason is short, on one line, and has no control characters."""
    assert expected == decide(answer, LINES).why


def test_an_excerpt_is_short():
    """Of a page of HTML, the beginning."""
    assert 500 == len(excerpt(b"x" * 100_000)) == len(excerpt("x" * 100_000))
    assert "" == excerpt(None) == excerpt(3) == excerpt(b"\0")


# -- Receipts --------------------------------------------------------------------------------------


def test_a_receipt_accounts_for_every_record():
    """What is refused is named by its index, with or without its id and a reason."""
    assert Receipt(3, {}) == receipt(accepted=3) == receipt(accepted=3, refused=[], more=1)
    refused = [{"index": 2, "id": "c", "why": "too\nodd"}, {"index": 0}]
    expected = Receipt(1, {2: "too odd", 0: "refused without a reason"})
    assert expected == receipt(accepted=1, refused=refused)
    everything = [{"index": index, "id": None, "why": 3} for index in range(3)]
    assert 3 == len(receipt(accepted=0, refused=everything).refused)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"3",
        b'"accepted"',
        b"<html>",
        b'{"accepted": 3',
        b'{"accepted": 3}{}',
        b"\xff\xfe",
        '{"accepted": 3}'.encode("utf-16"),
        b'\xef\xbb\xbf{"accepted": 3}',
        b"[" * 100_000,
        b'{"accepted": ' + b"9" * 5000 + b"}",
        b'{"accepted": 1e400}',
        b'{"accepted": NaN}',
    ],
    ids=range(16),
)
def test_what_is_no_receipt_at_all(body):
    """Whatever else a server says, it has taken nothing."""
    assert receipt_of(body, LINES) is None


@pytest.mark.parametrize("accepted", [0, 2, 4, -3, 3.0, "3", True, None, [3], 10**30])
def test_a_wrong_count(accepted):
    """A count has to be that of the batch, and a number."""
    assert receipt(accepted=accepted, refused=[]) is None


@pytest.mark.parametrize(
    "refused",
    [
        None,
        {},
        "none",
        3,
        [],
        [None],
        [0],
        [{}],
        [{"index": 3}],
        [{"index": -1}],
        [{"index": True}],
        [{"index": 1.0}],
        [{"index": "1"}],
        [{"index": None}],
        [{"index": 1, "id": "c"}],
        [{"index": 10**30}],
        [{"index": 1}, {"index": 2}],
    ],
    ids=range(17),
)
def test_wrong_refusals(refused):
    """A refusal names one record of the batch, and with the count they are all."""
    assert receipt(accepted=2, refused=refused) is None


def test_refused_twice():
    """Two refusals of one record leave another without an account."""
    assert receipt(accepted=1, refused=[{"index": 1}, {"index": 1}]) is None


def test_a_true_is_no_one():
    """A boolean is no count, also where it would add up."""
    assert receipt_of(b'{"accepted": true}', LINES[:1]) is None
    assert receipt_of(b'{"accepted": 0, "refused": [{"index": false}]}', LINES[:1]) is None


def test_a_server_that_counts_from_one():
    """Its refusals would hit the wrong records: the ids tell."""
    assert receipt(accepted=2, refused=[{"index": 1, "id": "a", "why": "no"}]) is None
    assert receipt(accepted=2, refused=[{"index": 0, "id": "a", "why": "no"}])


# -- When to try again -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (50, 60), (10**6, 60)]
)
def test_delays_double_from_1_to_60_seconds(failures, longest):
    """Chance says where between a tenth and all of it."""
    expected = pytest.approx([longest / 10, longest * 0.55, longest])
    assert expected == [delay_after(failures, random) for random in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("7", 7.0),
        (" 007 ", 7.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5000, 300.0),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20.0),
        ("Sunday, 06-Nov-94 08:49:57 GMT", 20.0),
        ("Sun, 06 Nov 1994 09:49:57 +0100", 20.0),
        ("Sun, 06 Nov 2094 08:49:57 GMT", 300.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1993 08:49:37 GMT", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
    ids=range(21),
)
def test_retry_after(asked, expected):
    """Seconds or a date, 300 s at most; what makes no sense asks for nothing."""
    assert expected == seconds_to_wait(asked, NOW)


@given(st.text(max_size=40), st.floats(0, 1e10))
def test_any_retry_after(asked, now):
    """No text raises, and none asks for more than 300 s or less than none."""
    seconds = seconds_to_wait(asked, now)
    assert seconds is None or 0 < seconds <= 300
