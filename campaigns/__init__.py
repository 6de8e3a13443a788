"""The verbs: they introduce adapters, store, engine and mail to each other."""
