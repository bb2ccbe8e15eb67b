"""Work handed to others, each with a task at a time: processes of this machine, SLURM's nodes, workers of Dask.

A task can be sent elsewhere, and done once more does no harm: what it makes lies in the cache, with records of what is
finished. An engine is whatever has the interface of `concurrent.futures.Executor`. Nothing of this is imported unless a
cluster is asked for.

specs      which engine a word names
tasks      a task, and what came of it
crew       workers, called where something is left to do
logs       the end of what a worker has said
running    tasks handed to an engine, once more where a worker died, and what came of each
gathering  tasks handed on together, as a queue wants them
progress   how far all of them are

local      processes of this machine

descriptions  tasks as JSON, and tasks of it
lists      tasks in a file, and work on one line of it
arrays     folders of jobs in a cache: their lists, logs and ends
standing   how all of them stand, and what of them is in the queue
job_leftovers   those that may be cleared away
slurm      SLURM as a cluster
slurm_settings  the file that says what SLURM is asked for
slurm_keys      what it may say
slurm_request   what tasks ask for, beside what that says
slurm_queue     what SLURM says of jobs
slurm_sending   arrays submitted through submitit
slurm_engine    what comes back of them
slurm_deaths    what jobs die of, and what may help
slurm_worker    what runs in a job
by_hand    what somebody submits with sbatch

dask_cluster  workers of a scheduler of Dask, from here
dask_checks   what they must have before work is handed to them
dask_errands  what is done in a worker: tasks, each in a process of its own
dask_child    such a process
"""
