"""What links in messages lead to: unsubscribe, preferences, clicks, opens, a message in the browser."""
