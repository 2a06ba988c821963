"""The docks of the plugin and what they are made of."""
