"""What stands between the winner and the world: the policy, the one who is asked, and what the run has read so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sale_tui.agent.approval import Policy, Ruling, covering
from sale_tui.events import ApprovalAnswered, ApprovalAsked
from sale_tui.ports import Human
from sale_tui.streams import Emit
from sale_tui.types import Approval, ApprovalRule

NOBODY = "nobody can be asked here"
READ_STRANGERS = "this run has read what strangers wrote, and that may want to send something out"


NO_RULES = Policy()


def forget(rule: ApprovalRule) -> None:  # noqa: ARG001 - where nothing is kept
    """Keeps nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who and what decides in one run. By default nothing leaves the sandbox and nobody is asked."""

    policy: Policy = NO_RULES
    human: Human | None = None
    keep: Callable[[ApprovalRule], None] = forget
    """Keeps a rule for always. Raises SaleError where it cannot."""
    private: tuple[str, ...] = ()
    """What of the user's own the run can read, in words: ``your documents``."""


NO_APPROVALS = Approvals()


class Gate:
    """One run's gate. Not for concurrent calls."""

    def __init__(
        self,
        approvals: Approvals,
        emit: Emit,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``waiting``: entered while somebody is asked, so that the run's own time can stand still."""
        self._approvals = approvals
        self._emit = emit
        self._waiting = waiting
        self._run: tuple[ApprovalRule, ...] = ()
        self._strangers = False

    def read_strangers(self) -> None:
        """The run has read untrusted text: what was allowed for this run before is asked for once more."""
        if not self._strangers:
            self._strangers = True
            self._run = ()

    async def refusal(self, question: str, call: str, leaves: str, detail: str = "", *, again: bool = True) -> str:
        """Why a call is not made; empty where it may be.

        ``question``: its id. ``leaves``: what would leave the sandbox and where to, empty where nothing does.
        ``detail``: what else has to be seen before it is decided, such as a diff. ``again``: whether an answer may
        count for later calls, too; False where each has to be seen for itself.
        """
        exposed = self._strangers or bool(self._approvals.private)
        ruling = self._approvals.policy.rule(call, leaves=bool(leaves), run=self._run, exposed=exposed)
        if ruling.action == "ask":
            asked = ApprovalAsked(
                question=question,
                call=call,
                leaves=leaves,
                why=self._why(leaves, ruling),
                covers=covering(call) if again else "",
                detail=detail,
            )
            return await self._ask(asked)
        reason = f"the rule {ruling.rule} forbids it" if ruling.action == "deny" else ""
        if ruling.source != "default":
            self._emit(
                ApprovalAnswered(
                    question=question, call=call, allowed=not reason, by=ruling.source, rule=ruling.rule, reason=reason
                )
            )
        return reason

    async def _ask(self, asked: ApprovalAsked) -> str:
        human = self._approvals.human
        if human is None:
            approval = Approval(answer="deny", reason=f"{NOBODY}; the user can allow it beforehand")
        else:
            self._emit(asked)
            with self._waiting():
                approval = await human.approve(asked)
        allowed = approval.answer != "deny"
        rule = asked.covers if approval.answer in {"run", "always"} else ""
        if rule:
            # For this run, too: a rule for always is asked for again where a run has read what strangers wrote.
            self._run = (*self._run, ApprovalRule(call=rule, action="allow"))
        if rule and approval.answer == "always":
            self._approvals.keep(ApprovalRule(call=rule, action="allow"))
        self._emit(
            ApprovalAnswered(
                question=asked.question,
                call=asked.call,
                allowed=allowed,
                by="user" if human is not None and human.asks else "default",
                answer=approval.answer,
                rule=rule,
                reason=approval.reason,
            )
        )
        return "" if allowed else approval.reason or "the user did not say why"

    def _why(self, leaves: str, ruling: Ruling) -> tuple[str, ...]:
        """Why it is asked, beyond that it leaves the sandbox."""
        why = [f"the rule {ruling.rule} asks"] if ruling.rule else []
        if leaves and self._strangers:
            why.append(READ_STRANGERS)
        if leaves and self._approvals.private:
            why.append(f"this run can read {' and '.join(self._approvals.private)}")
        return tuple(why)
