"""One file a command; `program.COMMANDS` names them."""
