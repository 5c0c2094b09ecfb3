"""Actions and workflows as tools for language models, and an MCP server over them."""

from refold_async.agents.answers import ToolAnswer
from refold_async.agents.settings import ApprovalRequest, Approve, ToolOptions, ToolRecord
from refold_async.agents.toolset import Tools

__all__ = ["ApprovalRequest", "Approve", "ToolAnswer", "ToolOptions", "ToolRecord", "Tools"]
