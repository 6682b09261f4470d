"""`qunyun bench scaling`: from measured rates to what so many rooms need, on paper and simulated.

demand     how much a community says in each second of its busiest hour
queueing   what waits how long before who takes it in batches; one account's window of posts
needs      accounts, workers, disk and nights of so many rooms
"""
