"""The machine: device, memory, seeds, precision, processes."""
