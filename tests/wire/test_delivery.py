"""The journal arrives whole and once, whatever the link does."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.wire import delivery
from agent.wire.delivery import (
    PATIENCE,
    PATIENCE_MOST,
    Chunk,
    GapError,
    MisackError,
    Sender,
    news,
)

CHUNK, WINDOW = 4, 10  # tiny, so that a short journal already needs many stanzas


class LossyLink(RuleBasedStateMachine):
    """A journal, its replica, and a link that drops, repeats and reorders."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.journal = b""
        self.replica = b""
        self.deleted = 0  # the target may delete what is acknowledged; here it always does
        self.sender = Sender(chunk=CHUNK, window=WINDOW)
        self.chunks: list[Chunk] = []
        self.answers: list[tuple[str, int]] = []

    @rule(data=st.binary(min_size=1, max_size=30))
    def the_test_writes(self, data: bytes) -> None:
        self.journal += data
        self.sender.grow(len(self.journal))

    @rule()
    def the_agent_sends(self) -> None:
        while span := self.sender.next(self.now):
            assert span.start >= self.deleted, "sends bytes the target no longer has"
            assert len(span) <= CHUNK
            assert span.stop <= self.sender.acked + WINDOW
            assert span.stop <= len(self.journal)
            self.chunks.append(Chunk(span.start, self.journal[span.start : span.stop]))

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.sender.tick(self.now)

    @rule(data=st.data(), and_again_later=st.booleans())
    def chunks_arrive_in_any_order(self, data: st.DataObject, and_again_later: bool) -> None:
        for chunk in data.draw(st.permutations(self.chunks)):
            self._receive(chunk)
        if not and_again_later:
            self.chunks.clear()

    @rule(data=st.data())
    def one_chunk_is_lost(self, data: st.DataObject) -> None:
        if self.chunks:
            self.chunks.remove(data.draw(st.sampled_from(self.chunks)))

    @rule(data=st.data(), and_again_later=st.booleans())
    def answers_arrive_in_any_order(self, data: st.DataObject, and_again_later: bool) -> None:
        for answer in data.draw(st.permutations(self.answers)):
            self._answer(*answer)
        if not and_again_later:
            self.answers.clear()

    @rule()
    def the_link_drops(self) -> None:
        self.chunks.clear()
        self.answers.clear()
        self.sender.rewind()

    @rule()
    def the_agent_restarts(self) -> None:
        self.sender = Sender(self.deleted, chunk=CHUNK, window=WINDOW)
        self.sender.grow(len(self.journal))

    @invariant()
    def the_replica_is_a_prefix(self) -> None:
        assert self.journal.startswith(self.replica)

    @invariant()
    def nothing_is_deleted_before_it_is_safe(self) -> None:
        assert self.deleted <= len(self.replica)

    @invariant()
    def acknowledgements_only_advance(self) -> None:
        assert self.sender.acked >= self.deleted

    def teardown(self) -> None:
        """On a link that works, everything arrives by itself: time is all it takes."""
        self.chunks.clear()  # what was under way is lost, and nobody says so
        self.answers.clear()
        for _ in range(2 * len(self.journal) + 10):
            if self.sender.drained:
                break
            while span := self.sender.next(self.now):
                self._receive(Chunk(span.start, self.journal[span.start : span.stop]))
            while self.answers:
                self._answer(*self.answers.pop(0))
            if self.sender.deadline < math.inf:
                self.now = max(self.now, self.sender.deadline)
                self.sender.tick(self.now)
        assert self.sender.drained, "stuck"
        assert self.replica == self.journal

    def _receive(self, chunk: Chunk) -> None:
        try:
            new = news(len(self.replica), chunk)
        except GapError as gap:
            self.answers.append(("gap", gap.have))
        else:
            self.replica += new
            self.answers.append(("ack", len(self.replica)))

    def _answer(self, kind: str, offset: int) -> None:
        if kind == "gap":
            self.sender.gap(offset, self.now)
        else:
            self.sender.ack(offset, self.now)
        self.deleted = max(self.deleted, offset)


TestLossyLink = LossyLink.TestCase
TestLossyLink.settings = settings(max_examples=300, deadline=None)


def grown(size: int, **sizes: int) -> Sender:
    sender = Sender(**sizes)
    sender.grow(size)
    return sender


def test_it_sends_a_window_and_waits() -> None:
    sender = grown(100, chunk=4, window=10)
    assert [sender.next(0) for _ in range(4)] == [range(4), range(4, 8), range(8, 10), None]
    sender.ack(4, 1)
    assert sender.next(1) == range(10, 14)


def test_an_ack_of_bytes_never_written_is_refused() -> None:
    with pytest.raises(MisackError):
        grown(10).ack(11, 0)


def test_a_journal_that_shrinks_is_refused() -> None:
    with pytest.raises(ValueError, match="shrank"):
        grown(10).grow(9)


def test_an_older_acknowledgement_changes_nothing() -> None:
    sender = grown(10)
    sender.next(0)
    sender.ack(8, 1)
    sender.ack(4, 2)
    assert sender.acked == 8


def test_an_overdue_acknowledgement_makes_it_send_again_each_time_later() -> None:
    sender, now, waits = grown(10), 0.0, []
    for _ in range(8):
        assert sender.next(now) == range(10)
        sender.tick(sender.deadline - 0.1)
        assert sender.next(now) is None
        waits.append(sender.deadline - now)
        now = sender.deadline
        sender.tick(now)
    assert waits[:3] == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE]
    assert waits[-1] == PATIENCE_MOST
    sender.next(now)
    sender.ack(5, now)
    assert sender.deadline == now + PATIENCE


def test_progress_keeps_the_timer_away() -> None:
    sender = grown(100, chunk=10, window=50)
    while sender.next(0):
        pass
    for second in range(1, 5):
        sender.ack(10 * second, float(second))
        assert sender.deadline == second + PATIENCE
    sender.ack(50, 5)
    assert sender.deadline == math.inf


def test_one_hole_is_filled_once_however_often_it_is_named() -> None:
    sender = grown(100, chunk=10, window=50)
    while sender.next(0):
        pass
    sender.gap(10, 1.0)
    assert sender.next(1.0) == range(10, 20)
    sender.gap(10, 1.1)
    assert sender.next(1.1) == range(20, 30)
    sender.gap(10, 2.5)
    assert sender.next(2.5) == range(10, 20)


def test_what_of_a_chunk_is_new_to_a_replica() -> None:
    assert news(0, Chunk(0, b"hello")) == b"hello"
    assert news(5, Chunk(0, b"hello")) == b""
    assert news(5, Chunk(3, b"lo!")) == b"!"
    with pytest.raises(GapError) as gap:
        news(5, Chunk(7, b"x"))
    assert gap.value.have == 5


def in_flight(sender: Sender, now: float) -> int:
    """Bytes that *sender* sends before it waits for an acknowledgement."""
    return sum(len(span) for span in iter(lambda: sender.next(now), None))


@pytest.mark.parametrize(("took", "window"), [(0.1, delivery.WINDOW), (2.0, delivery.START)])
def test_the_window_follows_the_time_an_acknowledgement_takes(took: float, window: int) -> None:
    sender, now, sent = Sender(), 0.0, 0
    sender.grow(1 << 30)
    for _ in range(25):  # a fast server is filled soon
        sent += in_flight(sender, now)
        now += took
        sender.ack(sent, now)
    assert in_flight(sender, now) == window


def test_a_fast_server_that_begins_to_throttle_is_not_buried() -> None:
    sender, now, sent = Sender(), 0.0, 0
    sender.grow(1 << 30)
    while sent < 15_000:  # ejabberd lets a burst of 20 kB pass at once, base64 that is
        sent += in_flight(sender, now)
        now += 0.01
        sender.ack(sent, now)
    assert in_flight(sender, now) <= 16 * 1024


def acknowledged_in(took: float, sender: Sender, start: float, *, rounds: int) -> float:
    """Let *sender* send and be answered, each time after *took* seconds; the time afterwards."""
    now = start
    for _ in range(rounds):
        sent = sender.acked + in_flight(sender, now)
        now += took
        sender.ack(sent, now)
    return now


def test_a_fast_server_is_filled_after_some_20_acknowledgements() -> None:
    sender = grown(1 << 30)
    acknowledged_in(0.05, sender, 0.0, rounds=20)
    assert in_flight(sender, 1.0) == delivery.WINDOW


def test_a_slow_acknowledgement_makes_it_careful_again() -> None:
    sender = grown(1 << 30)
    now = acknowledged_in(0.05, sender, 0.0, rounds=20)
    now = acknowledged_in(2.0, sender, now, rounds=6)
    small = delivery.WINDOW >> 6
    now = acknowledged_in(0.05, sender, now, rounds=1)
    assert in_flight(sender, now) == small + small // delivery.GROWTH


def test_a_pace_that_was_found_is_kept_when_a_receiver_says_anew_what_it_holds() -> None:
    sender = grown(1 << 30)
    now = acknowledged_in(0.05, sender, 0.0, rounds=8)
    again = sender.anew(sender.acked)
    again.grow(1 << 30)
    assert in_flight(again, now) == in_flight(sender, now)
    for each in (again, sender):
        each.ack(each.acked + delivery.PROVEN // 2, now + 0.05)
    assert in_flight(again, now + 1) == in_flight(sender, now + 1)


@pytest.mark.parametrize("pace", [3000, 10_000])
def test_a_throttled_server_has_two_seconds_of_its_pace_under_way_at_most(pace: int) -> None:
    """In the long run: base64 of what is under way, at *pace* bytes a second, all in order."""
    sender, now, free, under_way = grown(1 << 30), 0.0, 0.0, []
    for _ in range(400):
        while span := sender.next(now):
            free = max(free, now) + (len(span) * 4 / 3 + 200) / pace
            under_way.append((span.stop, free))
        stop, now = under_way.pop(0)
        if now > 60:
            assert free - now <= 2.2
        sender.ack(stop, now)
