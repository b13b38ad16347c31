# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The findings: one row per code. Guides, reports and all sets of codes are derived from these rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scope(str, Enum):
    """What a finding is about. A waiver names the same."""

    MEMBER = "member"
    PAIR = "pair"
    CLUSTER = "cluster"


class Ends(str, Enum):
    """How a finding can end."""

    TIME = "time"  # by itself, as time passes
    WAIT = "wait"  # when the node, the network or a person changes something
    RESTART = "restart"  # only when the process is restarted
    NEVER = "never"  # not while the gate waits


NO_ANSWER = range(0)  # the status of a client error for which no complete answer came


@dataclass(frozen=True)
class Row:
    """The properties of every finding with this code.

    ``words``: text of the code in a short line such as ``rc2 unreachable (connection refused)``. ``cause`` and
    ``remedy``: whole sentences, the most likely first. ``judgeable`` is false if the member cannot be judged while the
    finding lasts. ``statuses``: for a client error, its HTTP statuses; none for all other findings.
    """

    code: str
    scope: Scope
    ends: Ends
    words: str
    cause: str
    remedy: str
    waivable: bool = False
    judgeable: bool = True
    statuses: range | None = None


class Code(str, Enum):
    """The codes of the findings, each with its row. To add one, add its row here and its rule in ``_judgement``."""

    row: Row

    def __new__(cls, row: Row) -> Code:
        code = str.__new__(cls, row.code)
        code._value_ = row.code
        code.row = row
        return code

    # The member gave no usable answer: the errors of the client.

    UNREACHABLE = Row(
        code="unreachable",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="unreachable",
        cause="Nothing accepts connections at the member's URL: the process is down or still starting, the host name "
        "is wrong, or a firewall blocks the port.",
        remedy="Check that the service runs on that host, and that its port can be reached from where the task runs.",
        statuses=NO_ANSWER,
    )
    TIMEOUT = Row(
        code="timeout",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="timeout",
        cause="The member gives no complete answer in time: it hangs, is overloaded, or waits for the database.",
        remedy="Check the load of the node and the database, and restart the node if it hangs. Raise timeout only if "
        "the node is known to be slow.",
        statuses=NO_ANSWER,
    )
    TLS = Row(
        code="tls",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="TLS",
        cause="The certificate is not trusted, has expired or belongs to another host, or the port does not use TLS.",
        remedy="Renew the certificate, set ca_path to the authority that issued it, or correct the scheme and the "
        "host name of the URL.",
        statuses=NO_ANSWER,
    )
    REDIRECTED = Row(
        code="redirected",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="redirected",
        cause="A proxy redirects to another address, such as from http to https or to a login page. Redirects are "
        "not followed, because the credentials would be sent along.",
        remedy="Set the member's URL to the node's own address, not to the load balancer's.",
        statuses=range(300, 400),
    )
    UNAUTHORIZED = Row(
        code="unauthorized",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="unauthorized",
        cause="The credentials are wrong, expired or revoked, or belong to another server.",
        remedy="Check user_id and auth_token, or username and password (and totp_code where two-factor "
        "authentication is on). If only one member refuses them, check which database it uses.",
        statuses=range(401, 402),
    )
    FORBIDDEN = Row(
        code="forbidden",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="forbidden",
        cause="The user can log in, but lacks the permission to list instances.",
        remedy="Give a role of the user the permission view-statistics.",
        statuses=range(403, 404),
    )
    RATE_LIMITED = Row(
        code="rate_limited",
        scope=Scope.MEMBER,
        ends=Ends.TIME,
        words="rate limited",
        cause="The server limits how often its API is called, and other callers use the same limit.",
        remedy="Give a role of the user the permission api-bypass-rate-limit, or raise interval. "
        "The gate waits for as long as the server says.",
        statuses=range(429, 430),
    )
    BROKER_DOWN = Row(
        code="broker_down",
        scope=Scope.MEMBER,
        ends=Ends.RESTART,
        words="broker down",
        cause="The process has lost its own record, has dropped itself from its message broker, and reaches no peer: "
        "a known fault of the server.",
        remedy="Restart this node, before the nodes that serve.",
        statuses=range(400, 401),
    )
    STARTING = Row(
        code="starting",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="starting",
        cause="The process answers, and its message broker is not up yet: it has just started.",
        remedy="Wait. If it lasts for minutes, read the log of the node.",
        statuses=range(400, 401),
    )
    SERVER_ERROR = Row(
        code="server_error",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="server error",
        cause="The member, or a proxy in front of it, answers with an error: the database cannot be reached, or the "
        "node is starting, shutting down or broken.",
        remedy="Read the log of the node, and fix what it reports. Do not start an older version: it does not run on "
        "a database that a newer version has migrated.",
        statuses=range(500, 600),
    )
    NOT_ROCKETCHAT = Row(
        code="not_rocketchat",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="not Rocket.Chat",
        cause="Something else answers: a login page, a maintenance page, a proxy without a server behind it, or "
        "another program.",
        remedy="Check that the URL leads to a Rocket.Chat node: set it to the node's own address and port.",
        statuses=range(404, 405),
    )

    # The member answers, but does not serve.

    NO_LOCAL_RECORD = Row(
        code="no_local_record",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="no local record",
        cause="The member answers, but the database has no record of its process, so the process cannot be "
        "identified. It registers again with its next ping.",
        remedy="Wait for the next ping. If the record does not come back, check the URL and the log of the node for "
        "database errors, and restart the node.",
        judgeable=False,
    )
    PEER_ANSWERED = Row(
        code="peer_answered",
        scope=Scope.MEMBER,
        ends=Ends.RESTART,
        words="peer answered",
        cause="The process has lost its own record and has dropped itself from its message broker: a known fault of "
        "the server. Its calls are answered by its peers, and its events do not reach them.",
        remedy="Restart this node, before the nodes that serve.",
    )
    SEVERAL_PROCESSES = Row(
        code="several_processes",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="several processes",
        cause="The member's URL leads to more than one process: to a load balancer, or to a second service at the "
        "same address.",
        remedy="Set the member's URL to the node's own address, not to the load balancer's.",
        judgeable=False,
    )
    SAME_PROCESS = Row(
        code="same_process",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="same process",
        cause="The URLs of two members lead to one process, usually through a load balancer or a copied host variable.",
        remedy="Give each member the address of its own node. Where a proxy removes the header X-Instance-ID, let it "
        "pass: the answer may be a peer's.",
        judgeable=False,
    )
    STALLED = Row(
        code="stalled",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="stalled",
        cause="The process no longer pings the database: it hangs, is paused, or has lost the database. If its "
        "last ping lies in the future, a clock was wrong.",
        remedy="Check the process and its connection to the database, and restart it. Correct a wrong clock first.",
    )
    TOO_YOUNG = Row(
        code="too_young",
        scope=Scope.MEMBER,
        ends=Ends.TIME,
        words="too young",
        cause="The process started less than stable_for ago. If this repeats, it crashes and is restarted.",
        remedy="Wait. If the age falls back to zero, read the log of the process to find out why it ends.",
    )
    PING_UNCONFIRMED = Row(
        code="ping_unconfirmed",
        scope=Scope.MEMBER,
        ends=Ends.TIME,
        words="ping unconfirmed",
        cause="It is not proven yet that the process lives: its next ping to the database has not been seen.",
        remedy="Wait for ping_interval. If no ping is seen by then, check the process and its connection to the "
        "database.",
    )
    NOT_READY = Row(
        code="not_ready",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="not ready",
        cause="The process reports at /readyz that it is not ready to serve.",
        remedy="Read the log of the node: it may be migrating the database or waiting for another service. Builds "
        "before January 2026 report this falsely under memory pressure: set readiness to ignored there.",
    )
    READINESS_UNKNOWN = Row(
        code="readiness_unknown",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="readiness unknown",
        cause="The server has no /readyz, which exists since version 7.11.",
        remedy="Set readiness to ignored until all members run 7.11.",
    )

    # The cluster.

    TOO_FEW_SERVING = Row(
        code="too_few_serving",
        scope=Scope.CLUSTER,
        ends=Ends.WAIT,
        words="too few serving",
        cause="Fewer members serve than are needed. The other findings say why each of them does not.",
        remedy="Resolve the other findings. Lower min_serving only if fewer members can carry the load.",
    )
    NOT_LINKED = Row(
        code="not_linked",
        scope=Scope.PAIR,
        ends=Ends.WAIT,
        words="not linked",
        cause="One member does not reach the other: a firewall, a wrong INSTANCE_IP, or another database. Messages "
        "and presence do not pass between their users.",
        remedy="Check the network and the port between the two hosts, and the address that each announces "
        "(INSTANCE_IP, TCP_PORT). Where this is by design, set links to listed.",
        waivable=True,
    )
    LINK_UNSETTLED = Row(
        code="link_unsettled",
        scope=Scope.PAIR,
        ends=Ends.TIME,
        words="link unsettled",
        cause="The link was bad a moment ago. Broken links flap, so a link must be good for link_memory.",
        remedy="Wait. If this repeats, check the network between the two hosts, as for not_linked.",
        waivable=True,
    )
    UNEXPECTED_MEMBER = Row(
        code="unexpected_member",
        scope=Scope.CLUSTER,
        ends=Ends.WAIT,
        words="unexpected member",
        cause="An instance lives that is not a member: the list of members is incomplete, or a forgotten process "
        "still runs.",
        remedy="Add the node to the option members, or end the process.",
        waivable=True,
    )
    TARGET_MAY_LIVE = Row(
        code="target_may_live",
        scope=Scope.MEMBER,
        ends=Ends.TIME,
        words="target may be alive",
        cause="A target does not answer, but a process that may be the target's pings the database.",
        remedy="Wait until its last ping is older than max_record_age, or find out whether the process runs: it may "
        "still have users, and be out of reach only from where the task runs.",
    )
    MIGRATION_RUNNING = Row(
        code="migration_running",
        scope=Scope.CLUSTER,
        ends=Ends.TIME,
        words="migration running",
        cause="A member is silent, or its URL leads to another process, and the database is locked for migrations: the "
        "member may be migrating it.",
        remedy="Wait. A lock that is older than ten minutes is taken for a leftover. If no member migrates the "
        "database, waive the finding with a reason.",
        waivable=True,
    )
    DOWNGRADE = Row(
        code="downgrade",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="downgrade",
        cause="A member runs a newer version than the one to be deployed. The newer version has migrated the database, "
        "and an older one does not start on it.",
        remedy="Deploy the newest version that runs, or a later one. To go back, stop all nodes and restore the backup "
        "of the database that was made before the upgrade. If the older version is known to start on this database, "
        "waive the finding with a reason.",
        waivable=True,
    )
    MAJOR_SKIPPED = Row(
        code="major_skipped",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="major release skipped",
        cause="The version to be deployed is more than one major release ahead of the newest one that runs. A release "
        "has only the database migrations since the major release before it.",
        remedy="Upgrade to the latest release of each major version in turn. If the database is known to be migrated "
        "far enough, waive the finding with a reason.",
        waivable=True,
    )
    OUT_OF_ROTATION = Row(
        code="out_of_rotation",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="out of rotation",
        cause="The member serves, but the load balancer sends it no traffic, so it carries no users. Too few of the "
        "members that remain are in rotation.",
        remedy="Readmit the member to the load balancer, and remove it from the option keep_out if it is there. "
        "Lower min_serving only if fewer members can carry the load.",
    )
    NO_MEMBER_ANSWERS = Row(
        code="no_member_answers",
        scope=Scope.CLUSTER,
        ends=Ends.WAIT,
        words="no member answers",
        cause="The only member does not answer, so nothing is known of the cluster.",
        remedy="Check the address and the network. To deploy to a cluster that is down, set min_serving to 0.",
    )

    # After a deployment.

    WRONG_VERSION = Row(
        code="wrong_version",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="wrong version",
        cause="The member runs another version than expected_version: it was not deployed, or not restarted.",
        remedy="Check what the deployment installed and what the service starts, then deploy the member again.",
        waivable=True,
    )
    VERSION_UNKNOWN = Row(
        code="version_unknown",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="version unknown",
        cause="The member does not report a full version such as 7.11.0, so the version cannot be compared.",
        remedy="Give a role of the user the permission view-statistics, and check what /api/info answers at the "
        "member's own URL.",
        waivable=True,
    )
    NOT_RESTARTED = Row(
        code="not_restarted",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="not restarted",
        cause="The process is the same as before the deployment: the deployment did not restart it.",
        remedy="Make the deploy hook restart the service, or notify a handler that does.",
    )
    RESTART_NOT_PROVABLE = Row(
        code="restart_not_provable",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="restart not provable",
        cause="The member did not answer when the gate before the deployment passed, so its process may be older than "
        "the deployment: one that hung may have resumed, and one that had crashed may have been started by its "
        "supervisor.",
        remedy="If the deployment has restarted the service, set restart_confirmed to true (in a deploy hook: "
        "health_gate_restart_confirmed).",
    )
    OLD_PROCESS_ALIVE = Row(
        code="old_process_alive",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="old process alive",
        cause="The previous process still runs beside the new one, and has users of its own.",
        remedy="End the previous process: look for a second service, a container, or a host with the same database.",
        waivable=True,
    )
    IDENTITY_CHANGED = Row(
        code="identity_changed",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="identity changed",
        cause="The member reports another host or port than before the deployment. This blocks the gate only if "
        "another member had that host and port, or if the process was listed before the deployment: then the URL may "
        "lead to another node.",
        remedy="Check the URL. If the node has moved to the place of another member, waive the finding with a reason.",
        waivable=True,
    )
    OLDER_PATCH = Row(
        code="older_patch",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="older patch release",
        cause="The version to be deployed is an older patch release of the minor release that runs.",
        remedy="Check that this is intended. Both releases use the same database.",
    )
    DEPLOY_NOT_PROVEN = Row(
        code="deploy_not_proven",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="deploy not proven",
        cause="No expected version is set, so the gate proves a restart, but not which version runs.",
        remedy="Set expected_version.",
    )

    # The judgement itself.

    MICROSERVICES = Row(
        code="microservices",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="microservices",
        cause="The servers run as microservices: instances.get does not list their nodes.",
        remedy="Set links to ignored and readiness to required: then each member is judged by its own answers.",
        judgeable=False,
    )
    UNSUPPORTED_VERSION = Row(
        code="unsupported_version",
        scope=Scope.MEMBER,
        ends=Ends.NEVER,
        words="unsupported version",
        cause="The answer of a server before version 6 does not say which process sent it, because a proxy removes "
        "the header X-Instance-ID.",
        remedy="Let the proxy pass the header X-Instance-ID, or set the member's URL to the node's own address.",
        judgeable=False,
    )
    LINKS_UNKNOWN = Row(
        code="links_unknown",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="links unknown",
        cause="The servers run as microservices: nothing says whether they reach each other.",
        remedy="Nothing to do. The orchestrator's own checks must cover it.",
    )
    VIEW_MISSING = Row(
        code="view_missing",
        scope=Scope.MEMBER,
        ends=Ends.WAIT,
        words="answer missing",
        cause="One answer of a healthy member is missing. The other members still see its process.",
        remedy="Wait: the next observation decides.",
    )
    OBSERVATION_LOST = Row(
        code="observation_lost",
        scope=Scope.CLUSTER,
        ends=Ends.WAIT,
        words="observation lost",
        cause="The host that asks was out of reach, so no member was asked.",
        remedy="Check the connection to that host, or let another one ask (health_gate_delegate_to).",
    )
    OBSERVER_FAILED = Row(
        code="observer_failed",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="observer failed",
        cause="The host that asks cannot run the module.",
        remedy="Do what the message says, such as installing requests there, or let another host ask "
        "(health_gate_delegate_to).",
        judgeable=False,
    )
    NOT_STABLE = Row(
        code="not_stable",
        scope=Scope.CLUSTER,
        ends=Ends.TIME,
        words="not stable",
        cause="All conditions hold, but not for stable_for or hold_for yet.",
        remedy="Wait. If the time starts over repeatedly, the history of the result says why.",
    )
    SINGLE_VIEW = Row(
        code="single_view",
        scope=Scope.CLUSTER,
        ends=Ends.NEVER,
        words="single view",
        cause="Only one URL was asked, so the result is the view of one node.",
        remedy="Set members instead of url, each with its own address.",
    )

    @property
    def is_client_error(self) -> bool:
        """Whether it means that the member gave no usable answer."""
        return self.row.statuses is not None

    @property
    def is_silence(self) -> bool:
        """Whether it means that no answer came at all, which may change by itself."""
        return self.row.statuses == NO_ANSWER and self.row.ends is Ends.WAIT

    @property
    def settles(self) -> bool:
        """Whether time alone ends it. A rate limit does not count: it says nothing about the process behind it."""
        return self.row.ends is Ends.TIME and not self.is_client_error


CODES: Mapping[str, Code] = {code.value: code for code in Code}


@dataclass(frozen=True)
class Finding:
    """One finding. If it is ``blocking``, the gate does not pass.

    ``message`` is a complete sentence. ``brief`` is a shorter form for lines with little room, empty if not needed.
    """

    code: Code
    message: str
    members: tuple[str, ...] = ()
    blocking: bool = True
    expected: Any = None
    actual: Any = None
    brief: str = ""

    def to_dict(self) -> dict[str, Any]:
        scope = self.code.row.scope
        return {
            "code": self.code.value,
            "level": "blocking" if self.blocking else "advisory",
            "member": self.members[0] if scope is Scope.MEMBER else None,
            "pair": list(self.members) if scope is Scope.PAIR else None,
            "message": self.message,
            "expected": self.expected,
            "actual": self.actual,
        }
