"""Journals on their way out, from real run directories; time jumps."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agent.courier import AT_ONCE, delivered
from agent.run import Holding
from agent.wire.delivery import CHUNK, PATIENCE, PATIENCE_MOST, START, WINDOW
from agent.wire.stanza import Ack, JournalId
from agent.wire.vocabulary import Held
from tests.agent.office import BOT, JOURNAL, STORE, office
from tests.virtual_time import settled, virtual

OTHER = "otherbot@lab.example"


@virtual
async def test_nothing_leaves_before_a_meeting(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 5000)
        post.changed(journal)
        await settled(100)
        assert post.sent == []
        post.meets([journal])
        await settled()
        assert post.has(journal) == journal.synced


@virtual
async def test_only_what_is_synced_leaves(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 5000)
        post.meets([journal])
        await settled()
        synced = journal.dir.synced
        journal.write(3000, sync=False)
        post.changed(journal)
        await settled(100)
        assert len(post.has(journal)) == synced < journal.dir.journal.stat().st_size
        journal.write(1)
        post.changed(journal)
        await settled()
        assert post.has(journal) == journal.synced


@virtual
async def test_what_is_held_there_is_not_sent_again(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 50_000)
        post.replicas[journal.of] = journal.synced[:40_000]
        post.meets([journal], r1=40_000)
        await settled()
        assert min(chunk.offset for _, chunk in post.sent) == 40_000
        assert post.has(journal) == journal.synced


@virtual
async def test_a_long_journal_goes_by_windows(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 1_000_000, ends=True)
        post.wants = lambda _: False
        post.meets([journal])
        await settled()
        assert 0 < sum(len(chunk.data) for _, chunk in post.sent) <= WINDOW
        post.wants = lambda _: True
        await settled(600)
        assert max(len(chunk.data) for _, chunk in post.sent) <= CHUNK
        assert post.has(journal) == journal.synced


@virtual
async def test_a_journal_is_done_with_when_all_of_it_is_acknowledged(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 5000)
        post.meets([journal])
        await settled()
        assert not delivered(journal.holding)
        journal.end()
        post.changed(journal)
        await settled()
        assert delivered(journal.holding)
        sent = len(post.sent)
        post.changed(journal)  # its supervisor ends a little later than its journal
        await settled(100)
        assert len(post.sent) == sent


@virtual
async def test_what_is_not_acknowledged_is_sent_again_ever_more_slowly(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1)
        post.wants = lambda _: False
        post.meets([journal])
        await settled(PATIENCE - 1)
        assert len(post.sent) == 1
        await settled(2)
        assert len(post.sent) == 2
        await settled(100 * PATIENCE_MOST)
        assert 100 <= len(post.sent) <= 110
        post.wants = lambda _: True
        await settled(2 * PATIENCE_MOST)
        assert post.has(journal) == journal.synced


@virtual
async def test_a_steady_stream_of_other_news_does_not_stop_the_clock(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        lost, busy = post.journal(1, 100), post.journal(2)
        post.wants = lambda of: of == busy.of
        post.meets([lost, busy])
        for _ in range(60):
            busy.write(10)
            post.changed(busy)
            await settled(0.5)
        assert sum(of == lost.of for of, _ in post.sent) >= 3


@virtual
async def test_what_waits_for_its_turn_there_keeps_nothing_back(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        waiting = [post.journal(number) for number in range(1, 2 * AT_ONCE)]
        last = post.journal(99)
        post.meets([*waiting, last])
        await settled()
        last.end("aborted")  # somebody stopped it in the queue
        post.changed(last)
        await settled()
        assert post.has(last) == last.synced
        assert delivered(last.holding)


@virtual
async def test_runs_that_nobody_wants_do_not_keep_back_the_others(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        unwanted = [post.journal(n, 100, ends=True) for n in range(1, 2 * AT_ONCE + 1)]
        good = post.journal(99, 500_000, ends=True)
        post.wants = lambda of: of == good.of
        post.meets([*unwanted, good])
        await settled(10 * PATIENCE)
        assert post.has(good) == good.synced


@virtual
async def test_the_oldest_come_first(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journals = [post.journal(n, 100, ends=True) for n in range(1, 3 * AT_ONCE)]
        post.meets(journals)
        await settled(600)
        first = list(dict.fromkeys(of for of, _ in post.sent))
        assert first == [journal.of for journal in journals]


@virtual
async def test_nothing_leaves_when_the_controller_has_left(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 500_000)

        def leave(_: JournalId) -> bool:
            post.courier.part(BOT)  # in the middle of a window
            return False

        post.wants = leave
        post.meets([journal])
        await settled(1000)
        assert len(post.sent) == 1
        post.wants = lambda _: True
        post.changed(journal)
        await settled(1000)
        assert len(post.sent) == 1
        post.meets([journal])
        await settled(600)
        assert post.has(journal) == journal.synced


@virtual
async def test_a_meeting_in_the_middle_of_another_starts_anew(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 300_000, ends=True)

        def meet_again(_: JournalId) -> bool:
            post.wants = lambda _: True
            post.meets([journal], r1=post.sent[0][1].end)
            return True

        post.wants = meet_again
        post.meets([journal])
        await settled(600)
        first, second = (chunk for _, chunk in post.sent[:2])
        assert (first.offset, second.offset) == (0, first.end)
        assert post.has(journal) == journal.synced
        assert delivered(journal.holding)


@virtual
async def test_without_a_session_all_waits_for_the_next_meeting(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 5000)
        post.online = False
        post.meets([journal])
        await settled(1000)
        post.online = True
        post.changed(journal)
        await settled(1000)
        assert post.sent == []
        post.meets([journal])
        await settled()
        assert post.has(journal) == journal.synced


@virtual
async def test_a_controller_that_holds_more_than_we_is_sent_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        torn, good = post.journal(1, 100), post.journal(2, 100)
        post.meets([torn, good], r1=10_000)
        await settled()
        assert post.has(good) == good.synced
        torn.write(50_000)  # longer than the replica now: what follows would be spliced
        post.changed(torn)
        await settled(1000)
        assert all(of == good.of for of, _ in post.sent)


@pytest.mark.parametrize("harm", ["gone", "short"])
def test_a_journal_that_cannot_be_read_keeps_nothing_back(tmp_path: Path, harm: str) -> None:
    virtual(_unreadable)(tmp_path, harm)


async def _unreadable(tmp_path: Path, harm: str) -> None:
    async with office(tmp_path) as post:
        bad, good = post.journal(1, 100_000, ends=True), post.journal(2, 100_000, ends=True)
        if harm == "gone":
            bad.dir.journal.unlink()
        else:
            os.truncate(bad.dir.journal, 20_000)
        post.meets([bad, good])
        await settled(1000)
        assert post.has(good) == good.synced
        assert delivered(good.holding)
        assert not delivered(bad.holding)


@virtual
async def test_what_ends_while_we_look_is_not_taken_for_delivered(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 1000)
        post.meets([journal])
        await settled()
        path, aside = journal.dir.path / "synced", tmp_path / "synced"
        before = path.read_bytes()
        path.rename(aside)
        os.mkfifo(path)  # whoever looks now waits for us
        looking = Holding(journal.dir, JOURNAL, 0, Held.RUNNING)
        post.courier.changed(looking)
        for _ in range(5):
            await asyncio.sleep(0)
        journal.end()
        post.courier.changed(replace(looking, phase=Held.DONE))
        with path.open("wb") as answer:
            answer.write(before)
        aside.rename(path)
        await settled()
        assert post.has(journal) == journal.synced
        assert delivered(journal.holding)


@virtual
async def test_a_disk_that_is_full_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with office(tmp_path) as post:
        journal, other = post.journal(1, 100, ends=True), post.journal(2, 100)
        (journal.dir.path / "acked").unlink()
        (journal.dir.path / "acked").mkdir()  # nobody can write to it
        post.courier.meet(BOT, STORE, [journal.holding, other.holding], {})
        await settled(100)
        assert post.has(journal) == journal.synced
        assert post.has(other) == other.synced
        sent = len(post.sent)
        await settled(1000)
        assert len(post.sent) == sent
        assert "journal.integrity" not in capsys.readouterr().out


@virtual
async def test_acknowledgements_of_nothing_of_ours_change_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 1000)
        post.wants = lambda _: False
        post.meets([journal])
        await settled()
        post.courier.acked(BOT, Ack(JournalId(journal.of.run, "zzzzzzzzzzzz"), 500))
        post.courier.acked(OTHER, Ack(journal.of, 500))
        post.courier.acked(BOT, Ack(journal.of, 10**9))  # more than there is
        post.courier.acked(BOT, Ack(journal.of, 10**9, gap=True))
        post.wants = lambda _: True
        await settled(600)
        assert post.has(journal) == journal.synced


@virtual
async def test_a_meeting_keeps_the_pace_that_was_found(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 400_000)
        post.meets([journal])
        await settled(600)
        journal.write(100_000)
        post.meets([journal], r1=len(post.has(journal)))
        del post.sent[:]
        await settled(600)
        assert len(post.sent[0][1].data) > START
        assert post.has(journal) == journal.synced


@virtual
async def test_what_another_store_ordered_is_not_wanted(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1)
        post.meets([], store="an0ther1")
        journal.write(1000)
        post.changed(journal)
        await settled(600)
        assert post.sent == []


@virtual
async def test_what_another_store_ordered_leaves_when_this_one_asks_for_it(tmp_path: Path) -> None:
    async with office(tmp_path) as post:
        journal = post.journal(1, 5000)
        post.meets([journal], store="n3wst0re")
        post.changed(journal)
        await settled(100)
        assert post.sent == []
        post.meets([journal], store="n3wst0re", r1=0)
        await settled()
        assert post.has(journal) == journal.synced
        journal.end()
        post.changed(journal)
        await settled()
        assert delivered(journal.holding)


@virtual
async def test_a_lab_of_150_fills_no_queue_while_the_bot_is_away(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        posts = []
        for number in range(150):
            post = await stack.enter_async_context(office(tmp_path / str(number)))
            posts.append(post)
            post.meets([post.journal(1, 1000)])
        await settled(60)
        assert all(post.has(post.journals[0]) for post in posts)
        sent = sum(len(post.sent) for post in posts)
        for post in posts:
            post.courier.part(BOT)
        for post in posts:
            post.journals[0].write(5_000)
            post.changed(post.journals[0])
        await settled(5 * 3600)
        assert sum(len(post.sent) for post in posts) == sent
        for post in posts:
            post.meets(post.journals, r1=len(post.has(post.journals[0])))
        await settled(60)
        assert all(post.has(post.journals[0]) == post.journals[0].synced for post in posts)


@virtual
async def test_what_was_sent_is_never_more_than_we_say_to_have(tmp_path: Path) -> None:
    """The courier looks at the disk by itself, and may have seen more than its executor yet."""
    async with office(tmp_path) as post:
        journal = post.journal(1, 1000)
        before = journal.dir.synced
        post.meets([journal])
        await settled()
        journal.write(5000)
        post.courier.changed(replace(journal.holding, synced=before))  # as the executor knows it
        await settled()
        assert post.has(journal) == journal.synced
        assert post.courier.looked(journal.of) == journal.dir.synced > before
        post.courier.part_all()
        assert post.courier.looked(journal.of) == journal.dir.synced  # in the next session, too
        journal.end()
        post.meets([journal])
        await settled()
        assert post.courier.looked(journal.of) == 0  # all is delivered: it is forgotten
