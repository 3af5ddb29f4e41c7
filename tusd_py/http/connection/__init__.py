"""What happens on a connection: heads, bodies, pace, early ends."""
