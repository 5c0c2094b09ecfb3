"""Helpers for testing code that calls Refold, also available as pytest fixtures.

| fixture | gives |
| --- | --- |
| `refold_sandbox` | a `ScriptedSandbox`: a Refold in its own thread, reset before every test |
| `refold_client` | a `Refold` connected to it, with quick retries |
| `refold_environment` | `REFOLD_BASE_URL` and `REFOLD_API_KEY`, set for code that creates its own client |
| `refold_recording` | a `Recording`: real responses, saved once with `--refold-record`, then replayed |
| `refold_sandbox_options` | the settings of the `Sandbox`, a dict to override |
| `refold_client_options` | the `Options` of `refold_client`, a dict to override |
"""

from refold_async.testing.recording import Recording, recording, replaying
from refold_async.testing.scripted import NeverFiredWarning, ScriptedSandbox

__all__ = ["NeverFiredWarning", "Recording", "ScriptedSandbox", "recording", "replaying"]
