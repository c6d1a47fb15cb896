"""What a report is: plain data, which no renderer is needed for."""
