"""A scriptable misbehaving server and the catalogue of faults it can produce."""
