"""The store: tables, bulk paths, the outbox."""
