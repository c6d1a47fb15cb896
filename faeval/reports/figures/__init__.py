"""Figures of a report: placed by hand where hundreds stand in a page, by matplotlib elsewhere and for papers."""
