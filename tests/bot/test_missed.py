"""What a room's history says of what was missed."""

from bot.missed import MOST, Missed, Past, unanswered


async def everything(_: Past) -> bool:
    return True


def ids(*history: Past) -> list[str]:
    return [past.id for past in unanswered(history, "labbot")]


def answer(re: str, nick: str = "labbot") -> Past:
    return Past(nick, "job 1: memtest on bob", f"answer-{re}", facts={"labroom": 1, "re": re})


def test_what_any_bot_has_answered_was_not_missed() -> None:
    one, two = Past("ann", "reboot bob", "1"), Past("ben", "reboot bob", "2")
    assert ids(one, two) == ["1", "2"]
    assert ids(one, two, answer("1")) == ["2"]
    assert ids(one, two, answer("1"), answer("2", "labbot2")) == []


def test_what_has_no_id_or_is_ours_or_unreadable_is_left_out() -> None:
    assert ids(Past("ann", "reboot bob", ""), Past("labbot", "x", "1"), Past("ann", "", "2")) == []


def test_a_correction_takes_the_place_of_what_it_corrects() -> None:
    one = Past("ann", "reboot bbo", "1")
    assert ids(one, Past("ann", "reboot bob", "2", corrects="1")) == ["2"]
    assert ids(one, answer("2"), Past("ann", "reboot bob", "2", corrects="1")) == []


async def test_a_list_is_told_once() -> None:
    missed = Missed(everything)
    history = [Past("ann", "run memtest on bob", "1"), Past("ben", "reboot bob", "2")]
    listing = await missed.listing(history[:1], "labbot")
    assert listing is not None
    assert listing.text == (
        "missed while I was away: 1 ann: run memtest on bob; say do 1 if it still holds"
    )
    history.insert(1, Past("labbot", listing.body, "3", facts=listing.data))
    again = await missed.listing(history, "labbot")
    assert again is not None
    assert "2 ben: reboot bob" in again.text  # numbers go on
    history.append(Past("labbot", again.body, "4", facts=again.data))
    assert await missed.listing(history, "labbot") is None
    assert (missed.line(1), missed.line(2)) == ("run memtest on bob", "reboot bob")


async def test_of_many_the_last_are_listed_in_a_table_that_fits_a_phone() -> None:
    history = [Past("ann", f"run memtest size={n}M on bob", str(n)) for n in range(40)]
    listing = await Missed(everything).listing(history, "labbot")
    assert listing is not None
    assert "40 commands" in listing.text
    rows = listing.table.splitlines()
    assert len(rows) == MOST
    assert max(map(len, rows)) <= 38
    assert "size=39M" in rows[-1]
