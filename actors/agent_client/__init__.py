"""The parts of the library's way in: a client of the daemon that lives in somebody else's asyncio program.

    letter     what the caller said, checked and written as a message
    desk       who waits for what, in which order (a machine; no clock, no socket)
    spool      letters that could not be sent, on this machine's disk
    link       the store, spoken to over redis.asyncio
    courier    the shell that sends and reads over it
    keeping    the shell around the spool
    post       what a call of the program goes through: desk, courier, spool, answer
    nursing    when to start a daemon, and when to end one (a machine)
    nurse      the shell that does it
    folder     the agents' corner of the data directory: who holds which spool, who nurses the daemon
    follow_ups what comes after the answer
    healing    the `self_healing` decorator

Nothing here loads gevent, pykka or openai, configures logging, or is installed as the process's world.
"""
