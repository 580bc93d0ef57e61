"""How good a classifier is: metrics with intervals, on images it was not trained with."""
