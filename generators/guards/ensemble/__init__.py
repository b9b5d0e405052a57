"""Guards of synthesis that keeps the class: every score of every guard, and one rule over them."""
