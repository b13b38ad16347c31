# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of rollout: takes in the outcome of the last step, asks the gates, and returns the next step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.rocketops.rocketchat.plugins.module_utils._argument_spec import ROLLOUT
from ansible_collections.rocketops.rocketchat.plugins.module_utils._cluster.observation import Member
from ansible_collections.rocketops.rocketchat.plugins.module_utils._judgement.memory import Memory
from ansible_collections.rocketops.rocketchat.plugins.module_utils._node.redaction import printable
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.errors import OptionsError
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.members import warnings_for
from ansible_collections.rocketops.rocketchat.plugins.module_utils._options.serial import serial_from
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.decisions import (
    Ask,
    End,
    Leave,
    Run,
    after_gate,
    after_hook,
    before_hook,
    end_of,
    next_step,
    put_back,
    stopped,
)
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.gates import gate_options
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.plan import Hook, Plan
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.state import Seen, Stage
from ansible_collections.rocketops.rocketchat.plugins.module_utils._rollout.words import (
    gate_line,
    gate_name,
    last_line,
    plan_lines,
    step_line,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._gate import GateAction, display
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._masking import masked
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._report.files import write_report
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.hooks import HookFiles
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.journal import Journal
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.ready_made import checks
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.refusals import (
    contradictions,
    of_the_command,
    refusals,
)
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.turns import turns_for
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._rollout.variables import READY_MADE_FILE, Variables
from ansible_collections.rocketops.rocketchat.plugins.plugin_utils._validation import validated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.rocketops.rocketchat.plugins.module_utils._gate.result import GateResult

# Stages whose gate options are checked before the roll begins, since they contain the user's.
CHECKED = (Stage.LOOK, Stage.BEFORE, Stage.RECHECK, Stage.FINAL)
# Hooks with which a batch begins. From there on, only the hosts of the batch take its steps.
OF_BATCH = (Hook.DRAIN, Hook.DEPLOY)


class ActionModule(GateAction):
    """Answers the playbook rolling_update, which does the step in the answer and asks again."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        return self.guarded(lambda: self._answer(task_vars))

    def _answer(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        options = validated(ROLLOUT, self._task.args, set())
        point = options["point"]
        self.task_vars, self.host = task_vars, "roll"
        self.variables = Variables(task_vars, self._templar)
        if point == "checks":
            return self._checks()
        if point == "start":
            return self._start()
        journal = Journal.load()
        if journal is None:
            gone = (
                "the state of the roll is lost: its file in Ansible's temporary folder (local_tmp) is gone; "
                "run the same command again"
            )
            return {**self._leave(" | ".join(of_the_command()) or gone, next="nothing.yml"), "failed": point == "end"}
        if point == "turn":
            return self._turn(journal, options["hosts"])
        return self._put_back(journal) if point == "put_back" else self._end(journal)

    # The start

    def _checks(self) -> dict[str, Any]:
        """The checks of the ready-made hooks. Faults in the variables themselves are reported at the start."""
        variables = self.variables
        try:
            entries = {host: checks(variables, host) for host in variables.in_play if host in variables.in_group}
        except AnsibleError:  # such as a template that fails
            entries = {}
        wanted = {host: names for host, names in entries.items() if names}
        files = {host: [str(READY_MADE_FILE)] for host in wanted}
        return self._reply("check what the ready-made hooks need", files=files, entries=wanted)

    def _start(self) -> dict[str, Any]:
        Journal.forget()
        reasons, plan = self._plan()
        if plan is None or reasons:
            return {"changed": False, "failed": True, "msg": f"nothing was done: {' | '.join(reasons)}"}
        hooks = {host: {hook.value: str(self.variables.hook(host, hook)) for hook in plan.hooks} for host in plan.hosts}
        ready_made = {
            host: {hook.value: entry for hook in plan.hooks if (entry := self.variables.ready_made(host, hook))}
            for host in plan.hosts
        }
        Journal(plan, hooks, ready_made, reports=self.variables.reports()).save()
        files = sorted({path for paths in hooks.values() for path in paths.values()} - {str(READY_MADE_FILE)})
        told = self._reply("the roll can begin", hooks=files)
        warnings = warnings_for([Member(member["name"], member["url"]) for member in self.variables.members()])
        return {**told, **({"warnings": warnings} if warnings else {})}

    def _plan(self) -> tuple[list[str], Plan | None]:
        """All reasons not to start, and the plan if it can be made."""
        try:
            declared = self.variables.members()
            members = tuple(str(member["name"]) for member in declared)
            hosts = tuple(name for name in members if name in self.variables.in_play)
            hooks = frozenset(hook for hook in Hook if hosts and self.variables.hook(hosts[0], hook))
            reasons = list(refusals(self.variables, members)) or self._refused_hooks(hosts)
            plan = Plan(members, hosts, hooks, expected_version=self.variables.expected_version())
        except (AnsibleError, OptionsError) as error:  # such as a template that fails
            return [str(error)], None
        try:
            plan = self._with_options(plan)
            reasons += contradictions(plan)
            known = frozenset(members)
            plan = replace(plan, keep_out=plan.keep_out & known, in_rotation=plan.in_rotation & known)
        except OptionsError as error:
            reasons.append(f"in the variables rolling_update_*: {error}")
        asked = hosts and all(member["url"] for member in declared)
        return [*reasons, *(self._refused_gates(plan) if asked else ())], plan

    def _refused_hooks(self, hosts: Iterable[str]) -> list[str]:
        paths = {path for host in hosts for hook in Hook if (path := self.variables.hook(host, hook))}
        paths -= {READY_MADE_FILE}
        play, manager = self._task.get_play(), self._task.get_variable_manager()
        return HookFiles(self._loader, play, manager).read(sorted(paths))

    def _with_options(self, plan: Plan) -> Plan:
        options = self.variables.options()
        return replace(
            plan,
            serial=serial_from(options["serial"], len(plan.hosts)),
            keep_out=frozenset(options["keep_out"]),
            in_rotation=frozenset(options["in_rotation"]),
            batches=options["batches"],
            soak=options["soak"],
            check=self._task.check_mode,
            check_strict=options["check_strict"],
        )

    def _refused_gates(self, plan: Plan) -> list[str]:
        reasons: list[str] = []
        for stage in CHECKED:
            targets = plan.hosts[: max(plan.serial)] if stage in (Stage.BEFORE, Stage.RECHECK) else ()
            asked = Ask(stage, targets, expected_version=plan.expected_version)
            try:
                self.check(self._gate_args(plan, asked, before=None))
            except (AnsibleError, OptionsError) as error:
                reasons.append(f"in the variables health_gate_*: {error}")
        try:
            self.variables.reports()
        except OptionsError as error:
            reasons.append(f"in health_gate_report: {error}")
        return list(dict.fromkeys(reasons))

    # The turns

    def _turn(self, journal: Journal, batch: list[str] | None) -> dict[str, Any]:
        """The next step. ``batch``: hosts that take this turn with the host that asks; none: all hosts of the play."""
        self._note_outcome(journal)
        step = journal.due or self._advance(journal)
        if isinstance(step, End):
            journal.end = {"failed": step.failed, "msg": last_line(journal.plan, journal.state, step)}
        if not isinstance(step, Run):
            return self._stopped(journal)
        if batch is not None:
            here = {self.variables.host, *batch}
            return self._take(journal, step) if here >= set(step.hosts) else self._put_off(journal, step)
        in_order = [host for host in self.variables.in_play if host in self.variables.here]
        turns = turns_for(journal.plan, journal.state, here=in_order) if step.hook in OF_BATCH else {}
        if not turns:
            return self._take(journal, step)
        return {**self._put_off(journal, step), "files": {host: ["batches.yml"] for host in turns}, "turns": turns}

    def _put_off(self, journal: Journal, step: Run) -> dict[str, Any]:
        """The answer without a step: it is taken in a later turn."""
        journal.due = step
        journal.save()
        return self._reply("nothing to do in this turn")

    def _take(self, journal: Journal, step: Run) -> dict[str, Any]:
        journal.state = before_hook(journal.plan, journal.state, step)
        journal.taken, journal.due, journal.turn = step, None, journal.turn + 1
        journal.save()
        hook = step.hook.value
        files = {host: [journal.hooks[host][hook], "flush.yml"] for host in step.hosts}
        entries = {host: [own[hook]] for host in step.hosts if hook in (own := journal.ready_made[host])}
        return self._reply(step_line(step), files=files, entries=entries, mark=journal.mark)

    def _stopped(self, journal: Journal) -> dict[str, Any]:
        journal.save()
        return self._leave("leave this play")

    def _leave(self, msg: str, **fields: Any) -> dict[str, Any]:
        """The answer with which one host ends the play for all hosts."""
        return self._reply(msg, files={self.variables.host: ["stop.yml"]}, **fields)

    def _note_outcome(self, journal: Journal) -> None:
        """Record which hosts finished the last step: Ansible has not lost them, and they recorded no failure."""
        step = journal.taken
        if step is None:
            return
        failed = {host for host in step.hosts if self.variables.of(host, "rolling_update_failed") == journal.mark}
        lost = set(step.hosts) - self.variables.here - failed
        finished = set(step.hosts) - lost - failed
        journal.state = after_hook(journal.state, step, finished=finished, lost=lost)
        journal.taken = None
        journal.save()

    def _advance(self, journal: Journal) -> Run | Leave | End:
        """Ask gates until the next step is one for the playbook."""
        while True:
            step = next_step(journal.plan, journal.state)
            if not isinstance(step, Ask):
                return step
            seen = self._ask_gate(journal, step)
            first = step.stage is Stage.LOOK
            journal.state = after_gate(journal.plan, journal.state, step, seen)
            journal.save()
            if first:
                self._say_plan(journal)

    def _ask_gate(self, journal: Journal, asked: Ask) -> Seen:
        memory = Memory.from_dict(journal.memory) if journal.memory else Memory()
        goes_on = asked.stage is Stage.AFTER and bool(asked.ready)
        earlier: dict[str, Any] = {"memory": memory if goes_on else memory.of_pings()}
        if asked.stage is Stage.AFTER:
            earlier.update(known_ready=asked.ready, waited=journal.waited if goes_on else 0.0)
        said = self.lines
        self.versions = journal.versions
        try:
            args = self._gate_args(journal.plan, asked, before=journal.before)
            self.gate = gate_name(asked)
            gate = self.ask(args, self.task_vars, **earlier)
        except (AnsibleError, OptionsError) as error:  # such as a lookup of the token that fails
            reason = masked(printable(str(error)), self.secrets)
            self.say(f"{gate_name(asked)}: refused: {reason}")
            return Seen("refused", reason)
        if not (gate.passed and self.lines > said):
            self.say(f"{gate_name(asked)}: {gate_line(gate)}")
        self._keep(journal, asked, gate)
        seen = Seen.of(gate, known_ready=asked.ready)
        return replace(seen, message=masked(seen.message, self.secrets))

    def _keep(self, journal: Journal, asked: Ask, gate: GateResult) -> None:
        """Keep what later gates and the report need from this gate."""
        result = gate.to_dict()
        journal.memory, journal.waited, journal.versions = gate.memory.to_dict(), gate.elapsed, self.versions
        if asked.stage in (Stage.BEFORE, Stage.RECHECK):
            journal.before = result
        if not journal.reports or journal.plan.check:
            return
        if journal.plan.rotates:
            result["out_of_rotation"] = [name for name in journal.plan.members if name not in journal.state.admitted]
        journal.add_result(masked(result, self.secrets))
        for path in map(Path, journal.reports):
            if problem := write_report(journal.results(), path):
                display.warning(problem)

    def _gate_args(self, plan: Plan, asked: Ask, *, before: dict[str, Any] | None) -> dict[str, Any]:
        given = self.variables.gate_options()
        options = gate_options(
            plan,
            asked,
            before=before,
            short=self.variables.short_deadline(),
            min_serving=given.get("min_serving"),
        )
        if asked.stage is Stage.AFTER:
            confirmed = all(map(self.variables.restart_confirmed, asked.targets))
            options.update(restart_confirmed=confirmed)
            if not boolean(self.variables.gate("restart_required", True)):
                options.update(restart_required=False, before=None)
        args = {**given, **options, "members": self.variables.members()}
        return {name: value for name, value in args.items() if value is not None}

    # The end

    def _put_back(self, journal: Journal) -> dict[str, Any]:
        journal.state = put_back(journal.state, journal.taken, ended=journal.end is not None)
        journal.taken = journal.due = None
        journal.save()
        return self._reply("readmit healthy members", next="nothing.yml" if journal.end else "turns.yml")

    def _end(self, journal: Journal) -> dict[str, Any]:
        end = journal.end or self._end_of_what_is_known(journal)
        if not end["failed"]:
            self.say(end["msg"])
        return {"changed": False, **end}

    @staticmethod
    def _end_of_what_is_known(journal: Journal) -> dict[str, Any]:
        """The end if the play that readmits members has also ended before the roll was over."""
        state = put_back(journal.state, journal.taken, ended=False)
        state = stopped(state, "the play that readmits members ended early")
        return {"failed": True, "msg": last_line(journal.plan, state, end_of(journal.plan, state))}

    def _say_plan(self, journal: Journal) -> None:
        for line in plan_lines(journal.plan, journal.state):
            self.say(line)

    def _reply(self, msg: str, **fields: Any) -> dict[str, Any]:
        """The answer to the playbook. ``files``: what each host includes. ``turns``: the turns that it takes."""
        told = {"msg": msg, "files": {}, "entries": {}, "turns": {}, "hooks": [], "next": "turns.yml", "mark": ""}
        return {"changed": False, **told, **fields}
