"""Known faults, one module per lab."""
