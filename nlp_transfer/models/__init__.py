"""Networks: loading, what is known of each family, pooling, heads, adapters."""
