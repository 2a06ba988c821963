"""The dock that shows, filters, judges and exports traces."""
