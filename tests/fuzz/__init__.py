"""Random lines, led by what they reach: `make fuzz`."""
