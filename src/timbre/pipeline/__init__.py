"""What the outputs of stages were made of: fingerprints of inputs, records, outputs that take their place whole."""
