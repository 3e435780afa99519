"""Critical points of linear networks, without weight decay and with a little of it."""
