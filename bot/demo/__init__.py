"""`qunyun demo`: a simulated community, driven through the real thing with a clock of its own.

content                   words, from YAML
community                 who is where, from when to when
stage, threads, talk      what members say by themselves
reactions                 what they do about our posts
shopping                  what they buy, and why
papers                    CSV files, written and imported
world, drive              the days, through the app
history                   weeks before the log
story                     from the beginning to the digests
summary, serving, home    the closing table, the pages, the folder
"""
