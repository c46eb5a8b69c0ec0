"""The images, built and run for real. ``make image-test``; too slow for ``make test``."""
