"""`qunyun bench all`: every bench one after the other, each result kept, a document of all of them.

runs       what is measured, with which sizes, and what was asked
keeping    results in a folder, so that an interrupted run goes on where it stopped
measuring  a bench as a process of its own
page       the document that is written from what is kept; pure
details    tables that only one bench has; pure
"""
