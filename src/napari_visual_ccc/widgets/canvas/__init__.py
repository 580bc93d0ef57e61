"""What is seen of layers beside their pixels: legend, comparison, histogram, notices."""
