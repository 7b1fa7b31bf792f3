"""Two values as lines that went, came and stayed."""

from hypothesis import given
from hypothesis import strategies as st

from agentlog.replay.patch import MISSING, is_same, patch
from tests.replay.events import texts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("two\nlines"),
    lambda items: st.lists(items, max_size=4) | st.dictionaries(texts, items, max_size=3),
    max_leaves=12,
)


def written(found):
    """Write a patch as `diff -u` does."""
    return [sign + text for sign, text in found]


def test_a_changed_field_is_a_line():
    """Of JSON, the lines that differ are there, and those about them."""
    assert [" {", '-  "limit": 3,', '+  "limit": 5,', '   "page": "owls"', " }"] == written(
        patch({"page": "owls", "limit": 3}, {"limit": 5, "page": "owls"})
    )


def test_a_text_is_its_own_lines():
    """A text is compared by its lines, without quotes."""
    assert [" You write.", "-Be brief.", "+Be long.", " Go."] == written(
        patch("You write.\nBe brief.\nGo.", "You write.\nBe long.\nGo.")
    )


def test_a_text_in_json_is_broken_at_its_lines():
    """A prompt within messages is compared by its lines too."""
    before = [{"role": "user", "content": "a\nb\\n"}]
    after = [{"role": "user", "content": "a\nc\\n"}]
    assert ['-      b\\\\n",', '+      c\\\\n",'] == [
        line for line in written(patch(before, after)) if line[0] in "+-"
    ]


def test_what_stayed_is_counted():
    """Beyond three lines about what differs, what is alike is a number."""
    before = [*range(20)]
    assert [
        "@8",
        "   7,",
        "   8,",
        "   9,",
        "+  99,",
        "   10,",
        "   11,",
        "   12,",
        "@8",
    ] == written(patch(before, [*range(10), 99, *range(10, 20)]))


def test_what_is_missing_has_no_lines():
    """Of a field that only one has, all lines came, or went."""
    assert ["+a", "+b"] == written(patch(MISSING, "a\nb"))
    assert ["-{}"] == written(patch({}, MISSING))


def test_a_number_is_not_its_text():
    """Where values differ and their lines do not, JSON tells them apart."""
    assert ["-5", '+"5"'] == written(patch(5, "5"))


def test_a_truth_is_no_number():
    """To Python 1 is True and 1.0; who reads it sees another value."""
    assert ['-  "x": 1', '+  "x": true'] == [
        line for line in written(patch({"x": 1}, {"x": True})) if line[0] in "+-"
    ]
    assert not is_same([0], [False])


def test_what_nobody_reads_is_not_compared():
    """Of more than 50,000 lines only their number is told, whatever they are lines of."""
    long = "\n".join("ab" * 15_000)
    told = [("…", "30,000 lines, now 30,001: too many to compare")]
    assert told == patch(long, long + "\n")
    assert [] == patch(long, long)
    assert "…" not in dict(patch([1] * 30_000, 1))
    assert [("…", "60,002 lines, now 3: too many to compare")] == patch([1] * 60_000, [2])
    assert [("…", "60,003 lines, now 0: too many to compare")] == patch(["a\n" * 60_000], MISSING)


def test_an_address_is_no_difference():
    """The address in a `repr` is another in every run, and says nothing."""
    assert is_same("<Pool at 0x7f3c2a1b4d90>", "<Pool at 0x7fffaa1b4d00>")
    assert not is_same("<Pool at 0x7f3c2a1b4d90>", "<Pond at 0x7f3c2a1b4d90>")


@given(values, values)
def test_any_values(before, after):
    """A patch is empty where values read the same, and has both sides where they do not."""
    assert [] == patch(before, before)
    found = patch(before, after)
    assert is_same(before, after) == (not found)
    assert found == [] or any(sign in "+-" for sign, _ in found)
    skipped = sum(int(text) for sign, text in found if sign == "@")
    again = patch(after, before)
    for signs, others in ((" -", " +"), (" +", " -")):
        ours = sum(sign in signs for sign, _ in found) + skipped
        theirs = sum(sign in others for sign, _ in again)
        assert ours == theirs + sum(int(text) for sign, text in again if sign == "@")
