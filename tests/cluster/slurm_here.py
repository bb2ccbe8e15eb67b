"""A SLURM of this machine's own, for tests: daemons on loopback ports of theirs, and all they keep in one folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
# Where Debian has daemons, which not every PATH names.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
# No control groups, which a container may not have; a job that is cancelled or out of time has two seconds to end.
_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
PlugStackConfig={folder}/plugstack.conf
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
MaxArraySize=2000
KillWait=2
OverTimeLimit=0
SlurmctldTimeout=120
SlurmdTimeout=120
MinJobAge=300
NodeName=here NodeHostname={host} NodeAddr=127.0.0.1 Port={slurmd} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=normal Nodes=here Default=YES MaxTime=60 DefaultTime=10 DefMemPerCPU=100 OverSubscribe=NO State=UP
"""


def why_not() -> str:
    """Say why none can be started here; nothing where one can."""
    missing = [program for program in NEEDED if shutil.which(program, path=_PATH) is None]
    if missing:
        return f"SLURM is not installed: no {', '.join(missing)} (Debian: slurm-wlm, munge)"
    return "" if os.getuid() == 0 else "only root may start SLURM's daemons"


@dataclass
class Slurm:
    """A controller and a node with slots for so many tasks, and how to speak to them."""

    folder: Path
    n_slots: int = 2
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to find this SLURM."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def ask(self, *words: str) -> str:
        """Have one of SLURM's programs do something, and return what it says."""
        done = subprocess.run(words, capture_output=True, text=True, env=os.environ | self.environment, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def begin(self) -> None:
        """Start everything, and wait until the node is idle."""
        ctld, slurmd = _free_ports(2)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10
        words = {"host": socket.gethostname().split(".")[0], "user": "root", "folder": self.folder, "memory": memory}
        # A node may say that it has more slots than there are cores.
        text = _CONF.format(**words, ctld=ctld, slurmd=slurmd, cpus=self.n_slots)
        (self.folder / "slurm.conf").write_text(text + "SlurmdParameters=config_overrides\n")
        (self.folder / "plugstack.conf").write_text("")
        (self.folder / "state").mkdir()
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        names = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        at = [f"--{option}={self.folder / name}" for option, name in names.items()]
        self._start("munged", "--foreground", "--force", f"--log-file={self.folder / 'munge.log'}", *at)
        _wait(lambda: (self.folder / "munge.socket").exists(), "munged does not start")
        self.begin_controller()
        self._start("slurmd", "-D", "-N", "here")
        _wait(lambda: self._says("idle"), "the node does not come up")

    def begin_controller(self) -> None:
        """Start the controller, or start it again: it knows its jobs from its folder."""
        self._start("slurmctld", "-D")
        _wait(lambda: self._says(""), "the controller does not answer")

    def kill_controller(self) -> None:
        """Kill the controller, as a machine that fails would."""
        self._running["slurmctld"].kill()
        self._running.pop("slurmctld").wait()

    def resume(self) -> None:
        """Do what an administrator does after a controller died: bring back a drained node, and release held jobs.

        A controller writes down what it does every five seconds. What it had begun since, it begins anew while that
        still runs, so that the node refuses, and is drained, and the job is held.
        """
        if "drain" in self.ask("sinfo", "--noheader", "--format=%T"):
            self.ask("scontrol", "update", "nodename=here", "state=resume")
        for line in self.ask("squeue", "--noheader", "--array", "--format=%i|%r").splitlines():
            job, _, reason = line.partition("|")
            if reason.endswith("held"):
                self.ask("scontrol", "release", job)

    def end(self) -> None:
        """End all jobs and all daemons."""
        try:
            if "slurmctld" in self._running:
                self.ask("scancel", "--user=root")
                _wait(lambda: not self.ask("squeue", "--noheader"), "jobs do not end")
        except (RuntimeError, TimeoutError):
            pass
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self._running:
                process = self._running.pop(name)
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _says(self, word: str) -> bool:
        try:
            return word in self.ask("sinfo", "--noheader", "--format=%T")
        except RuntimeError:
            return False

    def _start(self, program: str, *words: str) -> None:
        path = shutil.which(program, path=_PATH)
        with (self.folder / f"{program}.out").open("ab") as said:
            environment = os.environ | self.environment
            self._running[program] = subprocess.Popen(
                [str(path), *words], stdout=said, stderr=said, env=environment, cwd=self.folder, start_new_session=True
            )


@contextmanager
def slurm_in(folder: Path) -> Iterator[Slurm]:
    """Have a SLURM of one's own within a `with` block."""
    slurm = Slurm(folder)
    try:
        slurm.begin()
        yield slurm
    finally:
        slurm.end()


def _free_ports(n: int) -> list[int]:
    """Return ports of loopback that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(for_what: object, otherwise: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not for_what():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.1)
