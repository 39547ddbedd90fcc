"""The program's configuration, read into the inputs of the component.

It is the program's, and no part of the component.
"""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["settings"]
