"""WooCommerce, translated."""
