"""Floor 5: explanations: where a NaN came from, why a gradient is what it is, what is alive."""
