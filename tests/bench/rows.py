# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurements: what is measured, what it is compared with, and the goal."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
import urllib.request
from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import (
    Failure,
    Member,
    Observation,
    View,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observer import VERSION, Observer
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import Listing, Record, parse
from ansible_collections.rocketops.rocketchat.plugins.module_utils._findings import Code
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._info import cluster_information
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.judge import judge
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.tests.bench.server import answer_of, nodes
from ansible_collections.rocketops.rocketchat.tests.bench.timing import Ratio, Timed, alternate, ratio
from ansible_collections.rocketops.rocketchat.tests.unit.options import access_with
from ansible_collections.rocketops.rocketchat.tests.unit.scene import params

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

PLAYS = Path(__file__).parent / "plays"

# Methods of Bench, in the order of the table.
PARTS = (
    "one_task",
    "waiting",
    "noticing",
    "many_members",
    "a_roll",
    "default_waits",
    "inventory",
    "judging",
    "memory",
    "start_up",
    "size",
    "limits",
)


@dataclass(frozen=True)
class Row:
    """One line of the table. ``figure``: the median; ``spread``: its quartiles; ``met``: whether the goal is met, if
    there is one. ``processor``: the same figure by processor time, if it is a ratio of two runs.
    """

    what: str
    peer: str
    goal: str
    figure: str
    spread: str
    met: bool | None = None
    processor: str = "-"

    @classmethod
    def of(cls, what: str, peer: str, limit: float | None, found: Ratio, processor: Ratio | None = None) -> Row:
        low, high = found.quartiles
        return cls(
            what=what,
            peer=peer,
            goal="-" if limit is None else f"≤ {limit:g}",
            figure=f"{found.median:.3f}",
            spread=f"{low:.3f} to {high:.3f}",
            met=None if limit is None else found.median <= limit,
            processor=f"{processor.median:.3f}" if processor else "-",
        )

    @classmethod
    def compared(
        cls,
        what: str,
        peer: str,
        limit: float | None,
        rounds: Sequence[Mapping[str, Timed]],
        *,
        ours: str = "ours",
        idle: str | None = "idle",
    ) -> Row:
        """A row by wall time, with processor time beside it."""
        by_wall = ratio(rounds, ours=ours, idle=idle)
        by_processor = ratio(rounds, ours=ours, idle=idle, of=_processor_of)
        return cls.of(what, peer, limit, by_wall, by_processor)


class Bench:
    """``rounds``: how often each run is repeated; ``folder``: for the files of Ansible."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        (folder / "ansible.cfg").touch()
        self.environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_FORKS": "5",
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        }

    def plays(self, names: Mapping[str, str], hosts: Mapping[str, Any], **variables: Any) -> dict[str, list[str]]:
        """The command line of each play, all with the same inventory."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"rocketchat": {"hosts": hosts, "vars": {**local, **variables}}}
        path = self.folder / f"{'-'.join(names.values())}.json"
        path.write_text(json.dumps(inventory), encoding="utf-8")
        return {name: ["ansible-playbook", "-i", str(path), str(PLAYS / f"{play}.yml")] for name, play in names.items()}

    def run(
        self, commands: Mapping[str, list[str]], rounds: int | None = None, **environment: str
    ) -> list[dict[str, Timed]]:
        """``environment``: more of it, such as another file of settings for Ansible."""
        environment = {**self.environment, **environment}
        return alternate(commands, rounds or self.rounds, environment=environment, folder=self.folder)

    def one_task(self) -> Iterable[Row]:
        with nodes() as url:
            hosts = {f"h{number}": {"node_url": f"{url}/c3/0"} for number in range(50)}
            names = {"idle": "idle", "ours": "info", "peer": "uri", "nothing": "nothing"}
            names |= {"shipped": "info_shipped", "bare": "bare_shipped"}
            found = self.run(self.plays(names, hosts))
        yield Row.compared("one `instances_info` task, local connection", "one `uri` task", 0.07, found)
        yield Row.compared("the same task, shipped module", "one `uri` task", 1.0, found, ours="shipped")
        what = "a shipped module that only asks with `requests`"
        yield Row.compared(what, "one `uri` task", None, found, ours="bare")
        yield Row.compared("a task that does nothing (`assert`)", "one `uri` task", None, found, ours="nothing")

    def waiting(self) -> Iterable[Row]:
        """The cost of a minute is that of a run of a minute without that of a run that asks once."""
        seldom = self.folder / "seldom.cfg"
        # Ansible looks for results a thousand times a second, which would hide the cost of a gate.
        seldom.write_text("[defaults]\ninternal_poll_interval = 5\n", encoding="utf-8")
        with nodes() as url:
            _request(f"{url}/c3/well_after/86400", "POST")
            plays = self.plays({"idle": "idle", "ours": "gate_waits", "peer": "uri_waits"}, {"h": _cluster(url, "c3")})
            once = {f"{name}_once": [*plays[name], "-e", '{"deadline": 0, "retries": 0}'] for name in ("ours", "peer")}
            found = self.run({**plays, **once}, min(self.rounds, 3), ANSIBLE_CONFIG=str(seldom))
            whole = self.run(plays, rounds=1)

        def minute(one: Mapping[str, Timed], name: str) -> float:
            return one[name].processor - one[f"{name}_once"].processor

        own = Ratio(tuple(minute(one, "ours") / minute(one, "peer") for one in found))
        with_uri = "`uri` + `until` on one member, same interval"
        yield Row.of("waiting one minute: processor time of the gate (3 members)", with_uri, 0.04, own)
        what = "the same, with Ansible's own processor time and the start of the task"
        yield Row.of(what, with_uri, None, ratio(whole, of=_processor_of))

    def noticing(self) -> Iterable[Row]:
        """Each host of a play waits for its own cluster; these become healthy at moments spread over an interval."""
        with nodes() as url:
            names = [f"c3-{number}" for number in range(4)]
            hosts = {name: _cluster(url, name) for name in names}
            commands = self.plays({"ours": "gate_notices", "peer": "uri_notices"}, hosts)
            waits: dict[str, list[float]] = {"ours": [], "peer": []}
            for turn in range(self.rounds):
                for which, command in commands.items():
                    for number, name in enumerate(names):
                        moment = (number * self.rounds + turn + 0.5) / (len(names) * self.rounds)
                        _request(f"{url}/{name}/well_after/{4 + 2 * moment}", "POST")
                    said = self._finished_at(command)
                    waits[which] += [said[name] - float(_request(f"{url}/{name}/well_at")) for name in names]
        ours, peer = (statistics.median(waits[which]) for which in ("ours", "peer"))
        low, _middle, high = statistics.quantiles(waits["ours"], n=4)
        yield Row(
            "from healthy to the gate's pass, interval 2 s (s)",
            "`uri` + `until` + `assert`",
            f"≤ 1.1, and less than {peer:.2f}",
            f"{ours:.2f}",
            f"{low:.2f} to {high:.2f}",
            ours <= 1.1 and ours < peer,
        )

    def _finished_at(self, command: Sequence[str]) -> dict[str, float]:
        """When Ansible printed ok for each host's last task, by the monotonic clock."""
        said = {}
        with subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            for line in process.stdout or ():
                if line.startswith("ok: ["):
                    said[line.partition("[")[2].partition("]")[0]] = time.monotonic()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return said

    def many_members(self) -> Iterable[Row]:
        latency = 0.05
        with nodes(latency=latency) as url:
            hosts = {"h": _cluster(url, "c100")}
            names = {"idle": "idle", "ours": "many", "all": "many_views", "peer": "many_uri"}
            found = self.run(self.plays(names, hosts), rounds=min(self.rounds, 3))
            members = [Member(member["name"], member["url"]) for member in hosts["h"]["members"]]
            access = access_with(user_id="bench-user", auth_token="bench-token")
            with Observer(members, access, gather=frozenset({VERSION})) as observer:
                ways = (observer.observe, partial(_bare, members, threads=len(members)))
                times, bare = zip(*([_seconds(way) / latency for way in ways] for _time in range(5)))
        what = "asking 100 members with 50 ms latency each"
        yield Row.compared(f"{what}, and judging them", "a loop of `uri`", 0.014, found)
        yield Row.compared("the same, and returning all 100 lists", "a loop of `uri`", None, found, ours="all")
        yield Row.of("one observation of 100 members", "the latency of one request", 5.0, Ratio(times))
        yield Row.of(
            "the same requests with `requests` alone, as many threads", "the latency of one request", None, Ratio(bare)
        )

    def a_roll(self) -> Iterable[Row]:
        """The playbook, with drain, deploy and readmit hooks and a report, and plays with the same three tasks."""
        peer = "`uri` + `until` + `assert`, before and after"
        three = self._rolls("c3")
        what = "a roll of 3 hosts one by one, overhead per host: all gates, decisions and a report"
        yield Row.compared(what, peer, 0.08, three)
        what = "three tasks that do nothing, in place of the gates"
        yield Row.compared(what, peer, None, three, ours="nothing")
        yield Row.compared("a roll of 50 hosts in batches of 10", peer, 0.06, self._rolls("c50", batch=10))
        yield Row.compared("a roll of 50 hosts one by one", peer, 0.5, self._rolls("c50"))

    def default_waits(self) -> Iterable[Row]:
        """One roll with the default options. Its nodes are healthy as soon as they are deployed."""
        waits: dict[str, Any] = dict.fromkeys(f"health_gate_{name}" for name in ("stable_for", "interval", "deadline"))
        (found,) = self._rolls("c3", rounds=1, only="ours", **waits)
        yield Row("a roll of 3 hosts one by one, default options (s)", "-", "-", f"{found['ours'].wall:.0f}", "")

    def _rolls(
        self, cluster: str, batch: int = 1, *, rounds: int = 3, only: str | None = None, **variables: Any
    ) -> list[dict[str, Timed]]:
        with nodes() as url:
            members = _cluster(url, cluster)["members"]
            hosts = {member["name"]: {"rocketchat_url": member["url"]} for member in members}
            names = {"idle": "roll_idle", "ours": "roll", "nothing": "roll_nothing", "peer": "roll_uri"}
            plays = self.plays(names, hosts, hooks=str(PLAYS / "hooks"), report=str(self.folder / "roll.html"))
            more = ["-e", json.dumps({"batch": batch, **variables})]
            commands = {name: [*command, *more] for name, command in plays.items() if only in (None, name)}
            return self.run(commands, rounds=min(self.rounds, rounds))

    def limits(self) -> Iterable[Row]:
        """The limits of the goals that are not met."""
        with nodes() as url:
            members = [Member(member["name"], member["url"]) for member in _cluster(url, "c50")["members"]]
            with Observer(
                members, access_with(user_id="bench-user", auth_token="bench-token"), gather=frozenset({VERSION})
            ) as observer:
                rounds = [(_processor(observer.observe), _processor(partial(_bare, members))) for _time in range(15)]
        cost = Ratio(tuple(ours / bare for ours, bare in rounds[1:]))
        low, high = cost.quartiles
        what = "asking 50 members once, processor time"
        peer = "`requests` alone, one request at a time"
        yield Row(what, peer, "-", f"{cost.median:.3f}", f"{low:.3f} to {high:.3f}")
        bare = statistics.median(bare for _ours, bare in rounds[1:])
        yield Row("the same in ms", f"{bare * 1000:.0f} ms", "-", f"{bare * cost.median * 1000:.0f}", "")
        sources = [path.read_text(encoding="utf-8") for path in _imported()]
        compiled = statistics.median(
            _processor(lambda: [compile(source, "x", "exec") for source in sources]) for _time in range(15)
        )
        what = "compiling what the action plugin imports (ms)"
        yield Row(what, "-", "-", f"{compiled * 1000:.0f}", f"{len(sources)} files")

    def inventory(self) -> Iterable[Row]:
        with nodes() as url:
            source = self.folder / "bench.rocketchat.yml"
            source.write_text(
                json.dumps(
                    {
                        "plugin": "rocketops.rocketchat.instances",
                        "url": f"{url}/c5000/0",
                        "user_id": "bench-user",
                        "auth_token": "bench-token",
                        "hostnames": ["id"],
                        "ansible_host": [],
                    }
                ),
                encoding="utf-8",
            )
            script = self.folder / "script.py"
            script.write_text(SCRIPT.format(python=sys.executable, url=f"{url}/c5000/0"), encoding="utf-8")
            script.chmod(0o755)
            commands = {
                name: ["ansible-inventory", "--list", "-i", str(path)]
                for name, path in (("ours", source), ("peer", script))
            }
            found = self.run(commands)
        yield Row.compared("inventory of 5,000 instances", "a script that prints the same JSON", 0.9, found, idle=None)

    def judging(self) -> Iterable[Row]:
        sizes = (10, 100, 1000, 10_000)
        times = []
        for size in sizes:
            view = View(member=MEMBER, listing=parse(answer_of(size)))
            times.append(_judging((view,), policy_from(params(expected=size), [MEMBER])))
        growth = times[3] / times[2] / 10
        per = ", ".join(f"{size:,}: {seconds * 1000:.1f} ms" for size, seconds in zip(sizes, times))
        yield Row("records to verdict, 10,000 instances (s)", "-", "≤ 0.178", f"{times[3]:.3f}", per, times[3] <= 0.178)
        yield Row("the same, 10,000 compared with ten times 1,000", "-", "≤ 1.5", f"{growth:.2f}", "", growth <= 1.5)
        members, matrix = _matrix(200)
        seconds = _judging(matrix, policy_from(params(), members))
        yield Row("judging all links of 200 members (s)", "-", "≤ 0.081", f"{seconds:.3f}", "", seconds <= 0.081)

    def memory(self) -> Iterable[Row]:
        third, last = _memory_of_an_hour(100)
        found = last / third
        yield Row(
            "memory of a gate, 100 members: last compared with third quarter of an hour",
            "-",
            "≤ 1.02",
            f"{found:.3f}",
            "",
            found <= 1.02,
        )

    def start_up(self) -> Iterable[Row]:
        base = "import ansible.plugins.action, ansible.utils.display, ansible.module_utils.common.arg_spec"
        ours = "import ansible_collections.rocketops.rocketchat.plugins.action.cluster_gate"
        commands = {
            name: [sys.executable, "-c", f"{base}; {line}"]
            for name, line in (("idle", "pass"), ("ours", ours), ("peer", "import requests"))
        }
        found = self.run(commands, rounds=2 * self.rounds + 1)
        more = statistics.median((one["ours"].wall - one["peer"].wall) * 1000 for one in found)
        low, _m, high = statistics.quantiles([(one["ours"].wall - one["peer"].wall) * 1000 for one in found], n=4)
        what = "importing the action plugin (additional ms)"
        yield Row(what, "`import requests`", "≤ 45", f"{more:.1f}", f"{low:.1f} to {high:.1f}", more <= 45)
        own = statistics.median((one["peer"].wall - one["idle"].wall) * 1000 for one in found)
        yield Row("`import requests` itself (ms)", "-", "-", f"{own:.1f}", "")

    def size(self) -> Iterable[Row]:
        answer = answer_of(1000)
        view = View(member=MEMBER, listing=parse(answer))
        result = cluster_information(Observation(views=(view,), at=0.0), max_age=30.0, details=False, readiness=False)
        del result["views"][0]["instances"]
        found = len(json.dumps(result)) / len(json.dumps(answer))
        yield Row(
            "result of 1,000 instances, without details", "the raw answer", "≤ 1.0", f"{found:.2f}", "", found <= 1
        )


MEMBER = Member("c", "http://c:3000")

SCRIPT = """#!{python}
import json
import requests
from datetime import datetime
answer = requests.get("{url}/api/v1/instances.get", headers={{"X-User-Id": "u", "X-Auth-Token": "t"}}).json()
version = requests.get("{url}/api/info").json()["info"]["version"]
hosts = {{}}
def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
newest = max(time_of(item["instanceRecord"]["_updatedAt"]) for item in answer["instances"])
for item in answer["instances"]:
    record, status = item["instanceRecord"], item["currentStatus"]
    extra = record["extraInformation"]
    local = status.get("local", False)
    hosts[record["_id"]] = {{
        "rocketchat_id": record["_id"], "rocketchat_name": record["name"], "rocketchat_host": extra["host"],
        "rocketchat_port": int(extra["port"]), "rocketchat_address": item.get("address"),
        "rocketchat_connected": status["connected"], "rocketchat_local": local,
        "rocketchat_last_heartbeat": status["lastHeartbeatTime"], "rocketchat_created_at": record["_createdAt"],
        "rocketchat_updated_at": record["_updatedAt"], "rocketchat_pid": record["pid"],
        "rocketchat_tcp_port": extra["tcpPort"], "rocketchat_node_version": extra["nodeVersion"],
        "rocketchat_connections": extra["conns"], "rocketchat_broadcast_auth": item.get("broadcastAuth"),
        "rocketchat_os": {{
            "type": extra["os"]["type"], "platform": extra["os"]["platform"], "arch": extra["os"]["arch"],
            "release": extra["os"]["release"], "uptime": extra["os"]["uptime"], "cpus": extra["os"]["cpus"],
            "load_average": [float(load) for load in extra["os"]["loadavg"]],
            "total_memory": int(extra["os"]["totalmem"]), "free_memory": int(extra["os"]["freemem"]),
        }},
        "rocketchat_version": version if local else None,
        "rocketchat_age": round((newest - time_of(record["_updatedAt"])).total_seconds(), 3),
        "rocketchat_state": "alive",
    }}
print(json.dumps({{
    "_meta": {{"hostvars": hosts}},
    "rocketchat": {{"children": ["rocketchat_alive"]}},
    "rocketchat_alive": {{"hosts": list(hosts)}},
}}))
"""


def _cluster(url: str, name: str) -> dict[str, Any]:
    size = int(name.lstrip("c").partition("-")[0])
    members = [{"name": f"n{number}", "url": f"{url}/{name}/{number}"} for number in range(size)]
    return {"members": members, "node_url": members[0]["url"]}


def _processor_of(timed: Timed) -> float:
    return timed.processor


def _request(url: str, method: str = "GET") -> str:
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        return str(answer.read(), "utf-8")


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _processor(work: Callable[[], object]) -> float:
    """Seconds of this process's processor time."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def _bare(members: Sequence[Member], threads: int = 1) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_ask, members))


def _ask(member: Member) -> None:
    with requests.Session() as session:
        headers = {"X-User-Id": "u", "X-Auth-Token": "t"}
        session.get(f"{member.url}/api/v1/instances.get", headers=headers).json()
        session.get(f"{member.url}/api/info", headers=headers).json()


def _imported() -> list[Path]:
    """The collection's files that a gate in Ansible's worker needs. Ansible's loader compiles them at every start."""
    code = (
        "import sys, ansible_collections.rocketops.rocketchat.plugins.action.cluster_gate\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if '.rocketchat.plugins.' in n and m.__file__), sep='\\n')"
    )
    listed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return [Path(line) for line in listed.split()]


def _judging(views: tuple[View, ...], policy: Policy) -> float:
    """Seconds for one verdict, the best of five."""
    times = []
    for _time in range(5):  # a new judgement each time: no verdict may use what a previous one has computed
        fresh = tuple(View(member=view.member, listing=Listing(records=_records(view))) for view in views)
        times.append(_seconds(partial(judge, Observation(views=fresh, at=0.0), policy, Memory())))
    return min(times)


def _records(view: View) -> tuple[Record, ...]:
    return view.listing.records if view.listing else ()


def _matrix(size: int) -> tuple[list[Member], tuple[View, ...]]:
    """All views of a cluster in which every member is linked to every other."""
    members = [Member(f"n{number}", f"http://n{number}:3000") for number in range(size)]
    records = parse(answer_of(size)).records
    local = [tuple(replace(record, local=record is own) for record in records) for own in records]
    return members, tuple(View(member=m, listing=Listing(records=seen)) for m, seen in zip(members, local))


def _memory_of_an_hour(size: int) -> tuple[float, float]:
    """Average bytes held in the third and in the last quarter of an hour in which one member comes and goes.

    By then the history has its maximum length.
    """
    members, views = _matrix(size)
    gone = replace(views[-1], listing=None, failure=Failure(Code.TIMEOUT, "timeout", "timeout"))
    now = [0.0]
    held = array("Q", [0] * 10_000)  # allocated first: the measurement must not count itself
    count = [0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def observe(_statistics_of: AbstractSet[str]) -> Observation:
        held[count[0]] = tracemalloc.get_traced_memory()[0]
        count[0] += 1
        well = int(now[0] / 20) % 2
        return Observation(views=views if well else (*views[:-1], gone), at=now[0])

    policy = policy_from(params(ping_interval=1e6, stable_for=100.0, deadline=3600.0), members)
    tracemalloc.start()
    try:
        run(
            observe,
            policy,
            clock=lambda: now[0],
            sleep=sleep,
            on_progress=lambda _line: None,
        )
    finally:
        tracemalloc.stop()
    quarter = count[0] // 4
    return statistics.mean(held[2 * quarter : 3 * quarter]), statistics.mean(held[3 * quarter : count[0]])
