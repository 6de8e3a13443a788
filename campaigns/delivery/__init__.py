"""The machinery of delivery: processes, lanes of a transport, the ledger, and what an outcome means."""
