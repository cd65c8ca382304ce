"""A release at work: score, explain, decide, plan a write-back."""
