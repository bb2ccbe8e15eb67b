"""Work handed to others: processes of this machine, each with a task at a time.

A task can be sent elsewhere, and done once more does no harm: what it makes lies in the cache, with records of what is
finished. An engine is whatever has the interface of `concurrent.futures.Executor`. Nothing of this is imported unless a
cluster is asked for.

specs      which engine a word names
tasks      a task, and what came of it
local      processes of this machine
crew       workers, called where something is left to do
running    tasks handed to an engine, once more where a worker died, and what came of each
"""
