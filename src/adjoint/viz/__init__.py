"""Floor 5: graphs made visible: `adjoint.viz.graph(loss, model)` as text, DOT or SVG."""

from .graph import Graph, graph

__all__ = ["Graph", "graph"]
