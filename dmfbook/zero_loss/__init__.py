"""Points of zero loss: how flat they are, and the flattest of them."""
