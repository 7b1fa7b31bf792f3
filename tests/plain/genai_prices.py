"""Stands in the way of genai-prices, as rich.py does of rich: then nothing has a cost."""

raise ModuleNotFoundError("No module named 'genai_prices'", name="genai_prices")
