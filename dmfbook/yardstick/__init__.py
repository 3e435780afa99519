"""Networks whose Hessian's whole spectrum is known, made to measure Hessian tools with."""
