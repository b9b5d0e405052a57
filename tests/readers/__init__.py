"""What other loaders make of our datasets: every reader with its real package on a dataset of each family."""
