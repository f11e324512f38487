"""What is learnt: a loss, a reading of the outputs, and the figures that judge them."""
