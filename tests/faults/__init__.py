"""A server that misbehaves on cue, and the catalogue of the faults it plays."""
