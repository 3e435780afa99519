"""Points of losses of any kind: entries, logarithms of cosines, logistic."""
