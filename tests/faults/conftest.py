from .transports import transport

__all__ = ["transport"]
