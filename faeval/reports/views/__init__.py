"""What a report shows, in words and places: the same for every format."""
