from .roads import road

__all__ = ["road"]
