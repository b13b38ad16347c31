# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin_utils is PRIVATE and should only be used by this collection. Breaking changes can occur any time.
"""The base of actions that ask gates. They wait on the controller, and observe from here or from another host."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.utils.display import Display

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import GATE
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Observation
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.records import InvalidAnswerError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.task import observing, refuse_from_afar
from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import ObserverError, run
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.connection import access_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import members_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.policy import policy_from
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._action import Action
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._sleep import OverdueError, bounded, sleeper
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.wait import Observe
    from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.policy import Policy

MODULE = "rocketops.rocketchat.cluster_gate"
SHIPPING = 30.0  # seconds to connect and to transfer the module, besides the calls themselves
REMOVING = 5.0  # seconds to remove what was transferred, if the module took too long

display = Display()


class GateAction(Action):
    """The base class of actions that ask gates."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._task.async_val:
            msg = "a gate does not support async, because it waits by itself: remove async from this task"
            return {"failed": True, "changed": False, "msg": msg}
        self.host = str((task_vars or {}).get("inventory_hostname", "localhost"))
        self.asker = str(self._task.delegate_to or self.host)
        # The name of the gate in its lines; if empty, its phase and targets.
        self.gate = ""
        # The number of lines shown.
        self.lines = 0
        # Known full versions by instance id. The version of a process does not change, so each is asked for once.
        self.versions: dict[str, str] = {}
        return super().run(tmp, task_vars)

    def ask(self, args: Mapping[str, Any], task_vars: dict[str, Any], **earlier: Any) -> GateResult:
        """The result of the gate with these options of cluster_gate. ``earlier``: from a wait that this one continues.

        Raises :class:`OptionsError`.
        """
        if self.runs_here:
            params = validated(GATE, args, self.secrets)
            policy = self._policy(params)
            with observing(policy, params, self.secrets, self.versions) as observe:
                return self._wait(policy, observe, **earlier)
        shipped, params = self.spelled_out(GATE, args)
        policy = self._policy(params)
        refuse_from_afar(params)
        limit = SHIPPING + 5 * params["timeout"]

        def observe_from_afar(statistics_of: AbstractSet[str]) -> Observation:
            asked = {"known_versions": self.versions, "statistics_of": sorted(statistics_of)}
            return self._observe_from_afar(policy.members, {**shipped, **asked}, task_vars, limit)

        return self._wait(policy, observe_from_afar, **earlier)

    def check(self, args: Mapping[str, Any]) -> None:
        """Raises :class:`OptionsError` for options that :meth:`ask` would refuse."""
        if not self.runs_here:
            self._policy(self.spelled_out(GATE, args)[1])
            return
        params = validated(GATE, args, self.secrets)
        self._policy(params)
        access_from(params)

    def _policy(self, params: dict[str, Any]) -> Policy:
        return policy_from({**params, "check_mode": self._task.check_mode}, members_from(params))

    def _observe_from_afar(
        self, members: tuple[Member, ...], args: dict[str, Any], task_vars: dict[str, Any], limit: float
    ) -> Observation:
        """The observation of one run of the module. If the host is out of reach, it is lost.

        Raises :class:`ObserverError` if the module cannot run there.
        """
        whole = False
        try:
            with bounded(limit):
                result = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
            whole = True
        except AnsibleAuthenticationFailure as error:  # another try could lock the account
            raise ObserverError(f"on {self.asker}: {printable(str(error))}") from None
        except AnsibleConnectionFailure as error:
            lost = printable(f"{self.asker} out of reach: {error}").rstrip(": ")
            return Observation(views=(), at=time.monotonic(), lost=lost)
        except OverdueError:
            self._remove_what_was_shipped()
            return Observation(
                views=(), at=time.monotonic(), lost=f"{self.asker} made no observation within {limit:g} s"
            )
        except AnsibleError as error:  # such as a password for another user that is missing
            raise ObserverError(f"on {self.asker}: {printable(str(error))}") from None
        finally:
            if not whole:
                # To remove the temporary folder, Ansible would connect again, without a time limit.
                self._connection._shell.tmpdir = None
        try:
            return _with_members(members, Observation.from_dict(result.get("observation")))
        except InvalidAnswerError:
            raise ObserverError(f"on {self.asker}: {_message_of(result)}") from None

    def _remove_what_was_shipped(self) -> None:
        """Remove the folder with the module and its arguments from the host, unless the host does not answer."""
        with suppress(AnsibleError, OverdueError), bounded(REMOVING):
            self._remove_tmp_path(self._connection._shell.tmpdir)  # type: ignore[no-untyped-call, unused-ignore]

    def _wait(self, policy: Policy, observe: Observe, **earlier: Any) -> GateResult:
        def observe_and_learn(statistics_of: AbstractSet[str]) -> Observation:
            observation = observe(statistics_of)
            self.versions = observation.versions
            return observation

        return run(
            observe_and_learn,
            policy,
            clock=time.monotonic,
            sleep=sleeper(),
            on_progress=lambda line: self._say(policy, line),
            began=datetime.now(timezone.utc),
            **earlier,
        )

    def _say(self, policy: Policy, line: str) -> None:
        gate = self.gate or f"{policy.phase.value} {', '.join(policy.targets)}".rstrip()
        self.say(f"{gate}: {line}")

    def say(self, line: str) -> None:
        """Show a line on standard error, so that callbacks that write JSON to standard output stay parseable."""
        self.lines += 1
        if not self._task.no_log:
            display.display(printable(remove_values(f"[{self.host}] {line}", self.secrets)), stderr=True)


def _with_members(members: tuple[Member, ...], observation: Observation) -> Observation:
    """The observation with these members: their names and URLs may have been masked in the module's result.

    The views are in the order of the members. Raises :class:`InvalidAnswerError`.
    """
    if observation.lost is not None or len(observation.views) != len(members):
        raise InvalidAnswerError("it is not one view of each member")
    views = tuple(replace(view, member=member) for view, member in zip(observation.views, members))
    return replace(observation, views=views, at=time.monotonic())


def _message_of(result: dict[str, Any]) -> str:
    said = (result.get("msg"), result.get("module_stderr"), result.get("module_stdout"))
    return printable(next((str(text) for text in said if text), "the module returned no message"))[:400]
