"""Mail: templates, messages, transports."""
