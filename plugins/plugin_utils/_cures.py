# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""What is behind each finding, and what to do about it: for people, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Code

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Cure:
    """Whole sentences. ``cause``: what it usually comes from. ``cure``: what to do, the likeliest first."""

    cause: str
    cure: str


CURES: Mapping[Code, Cure] = {
    Code.UNREACHABLE: Cure(
        "Nothing accepts connections at the member's URL: the process is down, still starting, or behind a firewall.",
        "Look at the service and its log on that host; then at the URL and at the way from the host that asks.",
    ),
    Code.TIMEOUT: Cure(
        "The member accepts the connection but gives no whole answer in time: it hangs, is overloaded, or waits for "
        "the database.",
        "Look at its load and at the database; restart it if it hangs. Raise timeout only if it is known to be slow.",
    ),
    Code.TLS: Cure(
        "The certificate is not trusted, has expired, or is another host's.",
        "Renew the certificate, or set ca_path to the authority that has issued it.",
    ),
    Code.REDIRECTED: Cure(
        "The URL leads elsewhere, such as from http to https or to a login page. A redirect is never followed.",
        "Give the address that the message names, if it is this very node's; never the load balancer's.",
    ),
    Code.UNAUTHORIZED: Cure(
        "The credentials are not accepted: wrong, expired, revoked, or of another server.",
        "Make a new personal access token, and check that user id and token belong together.",
    ),
    Code.FORBIDDEN: Cure(
        "The user may log in, but may not see the instances.",
        "Give a role of the user the permission view-statistics.",
    ),
    Code.RATE_LIMITED: Cure(
        "The server limits the calls of a minute, and others use up the same limit.",
        "Give a role of the user the permission api-bypass-rate-limit, or set a longer interval.",
    ),
    Code.BROKER_DOWN: Cure(
        "The process has lost its own message broker and does not get it back.",
        "Restart that node. It serves nobody well meanwhile, so deploy it first.",
    ),
    Code.SERVER_ERROR: Cure(
        "The member answers with an error of its own: it is starting, shutting down, or broken.",
        "Read the member's log. If it began with the deployment, go back to the version before.",
    ),
    Code.NOT_ROCKETCHAT: Cure(
        "Something else answers: a maintenance page, a proxy that has no server behind it, another program.",
        "Open the URL from the host that asks; give the node's own address and port, not a proxy's.",
    ),
    Code.NO_LOCAL_RECORD: Cure(
        "The member answers, but its own record is missing in the database, so that it cannot be identified.",
        "Wait for its next ping; if it stays away, look for database errors in its log and restart it.",
    ),
    Code.SAME_PROCESS: Cure(
        "Two members' URLs lead to one process, usually through a load balancer or a copied host variable.",
        "Give each member the address of its own node.",
    ),
    Code.STALLED: Cure(
        "The process no longer pings the database: it hangs, is paused, or has lost the database. A ghost's clock is "
        "wrong instead.",
        "Look at the process and its way to the database, and restart it. For a ghost, set the clock right first.",
    ),
    Code.TOO_YOUNG: Cure(
        "The process has started only just now. If that repeats, it starts again and again.",
        "Wait. If the age falls back to zero, read the log of the process for why it ends.",
    ),
    Code.NOT_READY: Cure(
        "The process itself says at /readyz that it is not ready to serve.",
        "Read its log; it may still be migrating the database or wait for another service.",
    ),
    Code.READINESS_UNKNOWN: Cure(
        "The server has no /readyz; that came with 7.11.",
        "Nothing, or leave readiness at ignored until all run 7.11.",
    ),
    Code.TOO_FEW_SERVING: Cure(
        "Fewer members serve than are needed. The other findings say why each of them does not.",
        "Cure those. Lower min_serving only if the load can be carried by fewer.",
    ),
    Code.NOT_LINKED: Cure(
        "One member does not reach the other: messages and presence do not pass between their users.",
        "Check the network and the port between the two hosts, and the address that each announces (INSTANCE_IP).",
    ),
    Code.LINK_UNSETTLED: Cure(
        "The link was bad a moment ago. Broken links flap, so it has to be good for a while.",
        "Wait. If it comes again and again, treat it as not_linked.",
    ),
    Code.UNEXPECTED_MEMBER: Cure(
        "An instance lives that is no member's: the list of members is incomplete, or a process was left behind.",
        "Add the node to the inventory, or end the process.",
    ),
    Code.TARGET_MAY_LIVE: Cure(
        "A target does not answer, but some process pings the database that might be it.",
        "Find out whether it runs. It may still have users, and only the asking host cannot reach it.",
    ),
    Code.NOBODY_ANSWERS: Cure(
        "No member answered, so nothing is known of the cluster.",
        "Check the addresses and the way there. To deploy to a cluster that is down, say min_serving: 0.",
    ),
    Code.WRONG_VERSION: Cure(
        "The member runs, but not the version that is expected: it was not deployed, or not restarted from it.",
        "Check what the deployment has installed and what the service starts; then deploy the member again.",
    ),
    Code.VERSION_UNKNOWN: Cure(
        "The member tells no full version, such as 7.11 instead of 7.11.0, so that it cannot be compared.",
        "Look at what /api/info answers to this user at the member's own URL, or waive it with a reason.",
    ),
    Code.NOT_RESTARTED: Cure(
        "The process is the one of before: the deployment has not restarted it.",
        "Make the deploy hook restart the service, or notify a handler that does.",
    ),
    Code.RESTART_NOT_PROVABLE: Cure(
        "The gate before did not see which process ran, so a new id proves nothing: a hung process may have come back.",
        "Let the deploy hook set health_gate_restart_proven when it has restarted the service.",
    ),
    Code.OLD_PROCESS_ALIVE: Cure(
        "The old process still runs beside the new one, with users of its own.",
        "End it: look for a second service, a container or a host with the same database.",
    ),
    Code.IDENTITY_CHANGED: Cure(
        "The member is at another host or port than before the deployment: its URL may lead to another node.",
        "Check the URL. If the node has really moved, waive it with a reason.",
    ),
    Code.PINGS_UNSEEN: Cure(
        "It is not proven yet that the process lives: its next ping to the database has not been seen.",
        "Wait for a ping's interval; after that, treat it as stalled.",
    ),
    Code.DEPLOY_NOT_PROVEN: Cure(
        "No expected version was given, so a restart is proven, but not which build runs.",
        "Set expected_version.",
    ),
    Code.MICROSERVICES: Cure(
        "In a microservices deployment instances.get does not list the nodes, so nothing can be judged.",
        "Use the readiness probes of the orchestrator instead.",
    ),
    Code.OLD_SHAPE: Cure(
        "Servers before version 6 do not tell a dead process from a restarted one.",
        "Update to version 6 without the gate, and use it from there on.",
    ),
    Code.NO_NEWS: Cure(
        "One answer of a member that was well is missing; the others still see its process.",
        "Nothing: the next observation decides.",
    ),
    Code.OBSERVATION_LOST: Cure(
        "The host that asks was out of reach, so nobody was asked.",
        "Check the connection to that host, or let another one ask (health_gate_delegate_to).",
    ),
    Code.OBSERVER_FAILED: Cure(
        "The host that asks cannot run the module at all.",
        "Do what the message says, such as installing requests there, or let another host ask.",
    ),
    Code.NOT_STABLE: Cure(
        "All is well, but not for long enough yet.",
        "Wait. If the count begins anew again and again, the history says what broke it.",
    ),
    Code.SINGLE_VIEW: Cure(
        "One node was asked, so this is one opinion.",
        "Give members instead of url, each with its own address.",
    ),
}
