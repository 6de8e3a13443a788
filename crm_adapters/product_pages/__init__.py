"""What `product_pages` stands on: guarded calls, robots.txt, feeds, sitemaps, and what pages say of products."""
