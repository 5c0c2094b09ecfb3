"""Schedules: when an account's workflows should run; one that comes due starts an execution."""

from refold_async.sandbox.replies import envelope
from refold_async.sandbox.resources import running
from refold_async.sandbox.resources.documents import Documents
from refold_async.sandbox.resources.executions import Execution, Executions
from refold_async.sandbox.resources.workflows import Workflows
from refold_async.sandbox.state import Account
from refold_async.sandbox.world import World


class Schedules(Documents):
    """The schedules of one linked account."""

    def __init__(self, account: Account) -> None:
        missing = envelope(404, "Scheduled Job Not Found", code="RESOURCE_NOT_FOUND")
        super().__init__(account.organisation, missing)
        self._account = account

    def run(self, world: World, schedule_id: str) -> Execution | None:
        """Let a schedule come due; ``None`` where it is paused."""
        schedule = self.get(schedule_id)
        if schedule["inactive"]:
            return None
        workflow = self._account.organisation.own(Workflows).find(str(schedule["workflow"]))
        execution = self._account.own(Executions).create(
            workflow.document, schedule["payload"], "SCHEDULE", config_id=str(schedule["config_id"])
        )
        running.start(world, execution)
        return execution
