"""What bench/run is made of: cases, how they are measured, and the report."""
