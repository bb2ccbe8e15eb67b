"""Work handed to others, each with a task at a time: processes of this machine, or workers of a Dask scheduler.

A task can be sent elsewhere, and done once more does no harm: what it makes lies in the cache, with records of what is
finished. An engine is whatever has the interface of `concurrent.futures.Executor`. Nothing of this is imported unless a
cluster is asked for.

specs      which engine a word names
tasks      a task, and what came of it
running    tasks handed to an engine, once more where a worker died, and what came of each
progress   how far all of them are

local      processes of this machine

dask_cluster  workers of a scheduler of Dask, from here
dask_checks   what they must have before work is handed to them
dask_errands  what is done in a worker: tasks, each in a process of its own
dask_child    such a process
"""
