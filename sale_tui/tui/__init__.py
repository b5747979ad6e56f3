"""The terminal app: a front end that folds the event stream into a state and draws it."""
