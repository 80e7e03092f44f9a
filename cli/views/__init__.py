"""How resources look to people: a card for one, a table for many."""
