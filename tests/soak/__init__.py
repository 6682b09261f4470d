"""`make soak`: a fleet of three processes on one PostgreSQL before three gateways, for as long as
QUNYUN_SOAK_MINUTES says (30), with a NATS stream between where QUNYUN_SOAK_STREAM is set, with harm done to all of them; then what became of it is counted.

    __main__   the run and its report
    settle     what an operator does at the end
    fleet      database, gateways, processes
    load       what members say, what the calendar posts
    harm       what is done to whom, and when
    watch      samples of memory, descriptors and lag
    verdict    what a journal, a table and a log say about each other; pure
"""
