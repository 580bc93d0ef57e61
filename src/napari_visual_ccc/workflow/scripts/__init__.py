"""What scripts are given: operations as plain functions, models as objects, results to keep."""
