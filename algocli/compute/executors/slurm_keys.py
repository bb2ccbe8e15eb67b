"""What a file for SLURM may say: each key, what it has to be, and what it is where nothing is said."""

from __future__ import annotations

from dataclasses import dataclass

# How many tasks run at a time where nobody says it.
USUAL_WORKERS = 16


@dataclass(frozen=True)
class Key:
    """One key of the file.

    Attributes
    ----------
    kinds
        What its value may be.
    meaning
        What it is, in which unit, and after a semicolon what holds without it.
    """

    kinds: tuple[type, ...]
    meaning: str


_AS_SBATCH = "as sbatch has it"
# Of submitit's parameters, those that a list of tasks of one process each has use for.
OF_SUBMITIT: dict[str, Key] = {
    "partition": Key((str,), "where jobs run; SLURM's own choice"),
    "time": Key((int, str), 'limit of each task, in minutes, or "HH:MM:SS"; the partition\'s'),
    "mem": Key((str,), 'memory of each task, as "16GB"; what it will take, and a little more'),
    "mem_per_cpu": Key((str,), 'the same for each core, as "4GB"'),
    "mem_per_gpu": Key((str,), 'the same for each GPU, as "40GB"'),
    "cpus_per_task": Key((int,), "cores of each task; as many as threads"),
    "gpus_per_node": Key((int,), "GPUs of each task; 1 with --device cuda, else none"),
    "gpus_per_task": Key((int,), _AS_SBATCH),
    "cpus_per_gpu": Key((int,), _AS_SBATCH),
    "gres": Key((str,), 'as "gpu:a100:1"; none'),
    "setup": Key((list,), "lines before Python starts; each has to work, or ends in || true; none"),
    "teardown": Key((list,), "lines after it; none"),
    **{
        word: Key((str,), _AS_SBATCH)
        for word in ("account", "qos", "constraint", "exclude", "nodelist", "dependency", "comment", "wckey")
    },
    "exclusive": Key((bool, str), _AS_SBATCH),
    "mail_type": Key((str,), _AS_SBATCH),
    "mail_user": Key((str,), _AS_SBATCH),
    "job_name": Key((str,), "algocli"),
    "use_srun": Key((bool,), "whether srun starts Python; false"),
    "srun_args": Key((list,), "words for srun; none"),
    "stderr_to_stdout": Key((bool,), "whether a job has one log; false"),
    "additional_parameters": Key((dict,), "a table of what else sbatch takes, as licenses = ..."),
}
# Our own.
OURS: dict[str, Key] = {
    "workers": Key((int,), f"tasks at a time; {USUAL_WORKERS}"),
    "threads": Key((int,), "threads that multiply matrices; cpus_per_task, else as many as here"),
    "python": Key((str,), "the command that starts Python on a node; the Python that runs here"),
    "mem_gb": Key((int, float), "mem as a number of GB"),
}
# By other names that submitit has for them.
ALSO = {"timeout_min": "time", "name": "job_name", "array_parallelism": "workers"}


def tell_keys() -> list[str]:
    """Return a line for every key, those of the same meaning together.

    Examples
    --------
    >>> from algocli.compute.executors.slurm_keys import tell_keys
    >>> tell_keys()[0]
    "partition: where jobs run; SLURM's own choice"
    """
    first = ("partition", "time", "mem", "workers", "threads", "python", "setup")
    keys = {**OF_SUBMITIT, **OURS}
    alike = [word for word, key in keys.items() if key.meaning == _AS_SBATCH]
    own = [word for word in (*first, *keys) if word not in alike]
    return [f"{word}: {keys[word].meaning}" for word in dict.fromkeys(own)] + [f"{', '.join(alike)}: {_AS_SBATCH}"]
