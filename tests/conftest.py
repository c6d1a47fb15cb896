"""No deadline for an example: the cores are shared, and a slow machine is no finding about a statistic."""

from hypothesis import settings

settings.register_profile("faeval", deadline=None)
settings.load_profile("faeval")
