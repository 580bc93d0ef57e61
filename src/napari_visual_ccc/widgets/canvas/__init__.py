"""What is seen of layers and their grey levels: legend, comparison, threshold histogram."""
