"""The doctor: what is recorded where, how log lines become events, and what is wrong with either.

`home` looks at what is on disk, `chain` at structlog's configuration and `handlers` at that of the
standard library's logging; each says what it found in `finding`s. The rules of this room: it looks
and changes nothing (taking up the journal, as all local reading does, is the only thing it does),
and whatever is in its way becomes a finding and not an exception.
"""


def doctor() -> None:
    """Print what is recorded where and how log lines become events, as it is in this process.

    That is what `agentlog doctor` prints, for the home of the client that `init` built; then the
    chain of structlog's processors, the handlers and formatters of the standard library's logging,
    what is wrong with them, and how it is put right. Call it where your program has configured its
    logging. Nothing is changed by it.
    """
    from agentlog.diagnosis import program
    from agentlog.diagnosis.finding import show

    show(program.examine())
