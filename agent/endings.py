"""How a process ended, in words. Pure, standard library only."""

_SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip


def signal(number: int) -> str:
    """The signal of that *number*."""
    kill = " (out of memory?)" if number == 9 else ""
    return _SIGNALS.get(number, f"signal {number}") + kill


def shell(code: int) -> str:
    """
    What a shell says by the exit *code* of the program that it ran last; empty if nothing.

    POSIX, 2.8.2: such a program did not run, or a signal ended it: it has judged nothing.
    """
    if code in (126, 127):
        why = "cannot be run" if code == 126 else "is not there"
        return f"as a shell says of a program that {why}"
    return f"as a shell says of {signal(code - 128)}" if code - 128 in _SIGNALS else ""
