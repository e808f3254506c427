"""The ground floor: store, flow, edge, specs. Layers point downwards in that order."""
