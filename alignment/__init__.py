"""The numbers that marketing and sales share, from the same history and definitions as the models."""
