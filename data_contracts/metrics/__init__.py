"""The numbers that both teams share: one noun a metric, each with the formula that it is computed by."""
