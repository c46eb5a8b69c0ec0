"""What is made of many runs: usual times and numbers, what has changed, what is new. Pure."""
