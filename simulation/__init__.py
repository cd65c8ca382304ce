"""A business-to-business CRM whose truth is known: it stands alone and imports none of our other packages."""

from simulation.simulate import SimulationSummary, simulate

__all__ = ["SimulationSummary", "simulate"]
