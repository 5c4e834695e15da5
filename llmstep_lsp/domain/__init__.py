"""The words of the product as frozen data and pure functions; imports nothing of ours."""
