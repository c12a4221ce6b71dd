"""Floor 5: graphs made visible: `viz.graph(loss)` as text, DOT, SVG or a page to explore."""

from .building import graph
from .graph import Graph, Group, Line, Place, Saved

__all__ = ["Graph", "Group", "Line", "Place", "Saved", "graph"]
