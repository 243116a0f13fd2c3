"""Amazon Redshift: its two control planes, its Data API, and the warehouses behind them."""
