"""`qunyun bench stress`: a day of 32 million messages through the real recording, fed from outside.

profile    when which message is due, and what it says; pure
feeder     a process of its own that says them on time
fed        a process that records what comes in by its standard input, as `qunyun run` does
parts      the processes of one run, and the processor time and memory that they take
arrivals   when what was due is in the log
measure    one run and its figures
"""
