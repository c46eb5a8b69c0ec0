"""What holds for every test: a machine may be slow, and that is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")
