"""A matrix of faults on real servers: what was lost, doubled, stuck. ``make faults``."""
