# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the emulator. Every command prints one JSON document; every error is one line."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rocketchat_emulator import __doc__ as package_summary
from rocketchat_emulator import cluster
from rocketchat_emulator.cluster import Cluster, Plan
from rocketchat_emulator.errors import EmulatorError
from rocketchat_emulator.faults import KINDS, Fault
from rocketchat_emulator.settings import MIGRATING, TRANSPORTS, RateLimit, Settings
from rocketchat_emulator.version import DEFAULT, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")

_WIDTH = max(len(kind.form) for kind in KINDS.values()) + 2

FAULTS = "faults:\n" + "\n".join(f"  {kind.form:{_WIDTH}}{kind.words}" for kind in KINDS.values())

_CURED = ", ".join(kind.name for kind in KINDS.values() if kind.cured_by_restart)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of the usage."""
        self.exit(2, f"{self.prog}: {message}\n")


def _up(options: argparse.Namespace) -> dict[str, Any]:
    return cluster.up(options.state_dir, _plan(options))


def _create(options: argparse.Namespace) -> dict[str, Any]:
    return cluster.create(options.state_dir, _plan(options))


def _plan(options: argparse.Namespace) -> Plan:
    settings = Settings(
        ping=options.ping,
        expire=options.expire,
        sweep=options.sweep,
        lifetime=options.lifetime,
        start_gap=options.start_gap,
        transport=options.transport,
        migrating=options.migrating,
        migration_time=options.migration_time,
        microservices=options.microservices,
        host_field=options.host_field,
        port_field=options.port_field,
        rate_limit=options.rate_limit,
    )
    plan = Plan(
        nodes=options.nodes,
        address=options.address,
        base_port=options.base_port,
        version=options.version,
        settings=settings,
        at_once=options.at_once,
        timeout=options.timeout,
    )
    if max(port for _unused, port in plan.endpoints().values()) >= 2**16:
        raise EmulatorError(f"{options.nodes} ports from {options.base_port} exceed the highest port, 65535")
    return plan


def _down(options: argparse.Namespace) -> dict[str, Any]:
    return {"ended": cluster.down(options.state_dir)}


def _status(options: argparse.Namespace) -> dict[str, Any]:
    with Cluster.open(options.state_dir) as opened:
        return opened.status()


def _on_node(act: Callable[[Cluster, argparse.Namespace], None]) -> Callable[[argparse.Namespace], dict[str, Any]]:
    """A command that changes one node and shows its new state."""

    def command(options: argparse.Namespace) -> dict[str, Any]:
        with Cluster.open(options.state_dir) as opened:
            act(opened, options)
            return opened.node(options.name)

    return command


def _start(opened: Cluster, options: argparse.Namespace) -> None:
    timeout = None if options.no_wait else options.timeout
    opened.start(options.name, version=options.version, fault=options.fault, timeout=timeout)


def _run(options: argparse.Namespace) -> NoReturn:
    with Cluster.open(options.state_dir) as opened:
        opened.run(options.name, version=options.version, fault=options.fault)


def _cut(options: argparse.Namespace) -> dict[str, Any]:
    with Cluster.open(options.state_dir) as opened:
        opened.set_cut(options.a, options.b, options.kind)
        return opened.status()


def _typed(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """Make argparse show the message of a ValueError, which it would otherwise replace by its own."""

    def typed(text: str) -> _T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def _seconds(text: str) -> float:
    seconds = float(text) if text.replace(".", "", 1).isdigit() else 0.0
    if not seconds > 0:
        raise ValueError(f"'{text}' is not a number of seconds greater than 0")
    return seconds


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)

    return _typed(read)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rocketchat_emulator",
        description=package_summary,
        epilog=FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, summary: str, run: Callable[[argparse.Namespace], dict[str, Any]]) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=FAULTS if name in {"fault", "start", "run"} else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "--state-dir", type=Path, required=True, metavar="DIR", help="state directory of the cluster"
        )
        command.set_defaults(run=run)
        return command

    def add_on_node(
        name: str, summary: str, act: Callable[[Cluster, argparse.Namespace], None]
    ) -> argparse.ArgumentParser:
        command = add(name, summary, _on_node(act))
        command.add_argument("name", metavar="NAME", help="the node, such as rc1")
        return command

    _add_plan_options(add("up", "start a cluster; returns when every node answers and is linked to all others", _up))
    _add_plan_options(
        add("create", "create the database of a cluster without starting nodes; start each of them with run", _create)
    )
    run = add("run", "run a stopped node in the foreground, for a service manager", _run)
    run.add_argument("name", metavar="NAME", help="the node, such as rc1")
    _add_build_options(run)
    add("status", "show the nodes, the partitions, the migrations and the number of login sessions", _status)
    add("down", "end every process of the cluster; can be repeated", _down)
    start = add_on_node(
        "start", "start a stopped node; without options, with the version and fault that it had", _start
    )
    _add_start_options(start)
    add_on_node("stop", "stop a node with SIGTERM, also a paused one", lambda c, o: c.stop(o.name))
    add_on_node("kill", "kill a node with SIGKILL", lambda c, o: c.kill(o.name))
    add_on_node("freeze", "pause a node (SIGSTOP)", lambda c, o: c.freeze(o.name))
    add_on_node("thaw", "resume a paused node (SIGCONT)", lambda c, o: c.thaw(o.name))
    add_on_node(
        "forget",
        "remove the record of a node, as the database does after a long pause; returns when it has registered again",
        lambda c, o: c.forget(o.name),
    )
    fault = add_on_node(
        "fault", "set the fault of a node; the fault none ends it", lambda c, o: c.set_fault(o.name, o.kind)
    )
    fault.add_argument("kind", metavar="KIND", type=_typed(Fault.parse), help="one of the faults below")
    partition = add("partition", "cut the connection between two nodes", _cut)
    partition.add_argument(
        "--silent",
        dest="kind",
        action="store_const",
        const="silent",
        default="reset",
        help="drop packets instead of resetting the connection, which neither node notices",
    )
    heal = add("heal", "undo a partition", _cut)
    heal.set_defaults(kind=None)
    for command in (partition, heal):
        command.add_argument("a", metavar="A", help="one node")
        command.add_argument("b", metavar="B", help="the other")
    return parser


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    def add(name: str, summary: str, **arguments: Any) -> None:
        parser.add_argument(name, help=f"{summary} (default: %(default)s)", **arguments)

    seconds = {"type": _typed(_seconds), "metavar": "SECONDS"}
    add("--nodes", "number of nodes", type=_whole(1, 99), default=3, metavar="N")
    add(
        "--address",
        "address on which nodes listen; {n} is replaced by the node's number, and all nodes then have the same port",
        default="127.0.0.1",
        metavar="ADDRESS",
    )
    add(
        "--base-port",
        "port of the first node; the others have the next ones",
        type=_whole(1, 65535),
        default=13001,
        metavar="PORT",
    )
    add("--version", "version of Rocket.Chat", type=_typed(Version.parse), default=DEFAULT, metavar="V")
    add("--ping", "time between two pings of a process", default=10.0, **seconds)
    add("--expire", "age after which a record may be removed", default=60.0, **seconds)
    add("--sweep", "time between two removals of old records", default=60.0, **seconds)
    add("--lifetime", "time after which all processes end by themselves", default=3600.0, **seconds)
    add("--timeout", "time limit for the start", default=20.0, **seconds)
    add("--transport", "how nodes reach each other", choices=TRANSPORTS, default="tcp")
    add(
        "--start-gap",
        "with 7.3 to 7.8 over TCP: time between reading the peers and writing the own record",
        default=1.0,
        **seconds,
    )
    parser.add_argument(
        "--at-once",
        action="store_true",
        help="with 7.3 to 7.8 over TCP: start all nodes at the same time, so that they never link"
        " (default: one after the other)",
    )
    add("--migrating", "releases that migrate the database", choices=MIGRATING, default="major")
    add("--migration-time", "duration of a migration, during which its process does not answer", default=0.0, **seconds)
    parser.add_argument(
        "--host-field",
        default="",
        metavar="ADDRESS|localhost",
        help="host in the records; {n} is replaced by the node's number (default: the real address)",
    )
    parser.add_argument(
        "--port-field",
        default="",
        metavar="PORT",
        help="port in all records, or 'undefined' (default: the real one)",
    )
    add(
        "--rate-limit",
        "limit per client address, route and method",
        type=_typed(RateLimit.parse),
        default="10/60",
        metavar="CALLS/SECONDS|off",
    )
    parser.add_argument(
        "--microservices", action="store_true", help="list ddp-streamer processes instead of the nodes themselves"
    )


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--version", type=_typed(Version.parse), metavar="V", help="version of Rocket.Chat (default: the previous one)"
    )
    parser.add_argument(
        "--fault",
        type=_typed(Fault.parse),
        metavar="KIND",
        help=f"one of the faults below (default: the previous one; a restart cures {_CURED})",
    )


def _add_start_options(parser: argparse.ArgumentParser) -> None:
    _add_build_options(parser)
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it answers")
    parser.add_argument(
        "--timeout",
        type=_typed(_seconds),
        default=10.0,
        metavar="SECONDS",
        help="how long to wait until it answers (default: %(default)s)",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default that of ``sys.argv``; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        print(json.dumps(options.run(options), indent=2))
    except EmulatorError as error:
        message = str(error)
    except (OSError, sqlite3.Error) as error:
        message = f"{options.state_dir}: {error}"
    except KeyboardInterrupt:
        message = "interrupted"
    else:
        return 0
    print(f"rocketchat_emulator: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
