"""Critical points under weight decay and their spectra, in closed form."""
