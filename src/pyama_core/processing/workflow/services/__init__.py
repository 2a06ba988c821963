"""The steps of the workflow, each a service that reads what the one before wrote."""
