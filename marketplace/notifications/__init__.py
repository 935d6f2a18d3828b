"""What people are told: notices inside the product, one row for each person."""
