"""For tests of code that calls Refold; pytest gets at all of it through fixtures.

| fixture | gives |
| --- | --- |
| `refold_sandbox` | a `ScriptedSandbox`: a Refold in a thread of its own, as new in every test |
| `refold_client` | a `Refold` bound to it, whose retries are quick |
| `refold_environment` | `REFOLD_BASE_URL` and `REFOLD_API_KEY`, set for code that makes its own client |
| `refold_recording` | a `Recording`: real answers, saved once with `--refold-record`, then replayed |
| `refold_sandbox_options` | a dict for you to override: the settings of the `Sandbox` |
| `refold_client_options` | a dict for you to override: the `Options` of `refold_client` |
"""

from refold_async.testing.recording import Recording, recording, replaying
from refold_async.testing.scripted import ScriptedSandbox

__all__ = ["Recording", "ScriptedSandbox", "recording", "replaying"]
