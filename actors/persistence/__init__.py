"""The file layer of a node: what was committed, kept on its own disk, for the day when the store has lost it.

The turn's commit in the store stays the truth. `following` makes rows of commits that are done, `session_files` keeps
them, `keeper` is the actor that writes, catches up and looks after them, `rebuilder` brings a store back that came up
empty or older than it was.
"""
