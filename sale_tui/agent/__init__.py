"""The winner carries out its plan: a small loop over a model and its tools."""
