"""Changes that the mutation check makes and no test can find, each with the reason."""

# Line of code: changes.
EQUIVALENT = {
    # Tuning: the same numbers, sooner or later.
    "step = max(1, TILE_ENTRIES // (height * panel.stop))": ["1 → 2"],
    # Another unit, in which the numbers are in range as well.
    "unit = unit_exponent(0.0, reg, depth)": ["0.0 → 1.0"],
    "unit = unit_exponent(target, 0.0, depth)": ["0.0 → 1.0"],
    "return 0 if are_ordinary([2 * size]) else size": ["0 → 1", "2 → 3"],
    "exponent = min(max(binary_exponent(image), -1000), 1000)": ["1000 → 1001"],
    # Any positive number stands for a mode that is left out.
    "values = np.choose(checked, (1.0, self.smaller, self.larger))": ["1.0 → 2.0"],
    # How near is equal: far above rounding, far below what a target can mean.
    "scale = self.values if self._is_diagonal else sum(self._target.shape) * self.values[0]": [
        "sum(self._target.shape) * self.values[0] → sum(self._target.shape) / self.values[0]"
    ],
    "resolution = np.broadcast_to(4 * EPSILON * scale, self.values.shape)": ["4 → 5"],
    "starts = np.r_[True, self.values[:-1] - self.values[1:] > resolution[:-1]]": [
        "self.values[:-1] - self.values[1:] > resolution[:-1] → self.values[:-1] - self.values[1:] >= resolution[:-1]"
    ],
    "result[np.abs(result - landmark) <= np.minimum(resolution, landmark / 2)] = landmark": [
        "np.abs(result - landmark) <= np.minimum(resolution, landmark / 2) → np.abs(result - landmark) < np.minimum(resolution, landmark / 2)",
        "2 → 3",
    ],
    # A mode of value zero has no sign.
    "left[places, columns] = np.where(self._target[places, places] < 0, -1.0, 1.0)": [
        "self._target[places, places] < 0 → self._target[places, places] <= 0"
    ],
    # A bracket may be wider, and the fold is its other end where it would be too narrow.
    "high = low * root_of((2 * depth - 2) / depth, depth - 2) * (1 + SLACK)": [
        "1 → 2",
        "2 → 3",
        "1 + SLACK → 1 - SLACK",
        "2 * depth - 2 → 2 * depth + 2",
        "(2 * depth - 2) / depth → (2 * depth - 2) * depth",
        "low * root_of((2 * depth - 2) / depth, depth - 2) * (1 + SLACK) → low * root_of((2 * depth - 2) / depth, depth - 2) / (1 + SLACK)",
    ],
    "low = high * root_of((depth - 2) / (2 * depth - 2), depth) * (1 - SLACK)": [
        "2 → 3",
        "1 - SLACK → 1 + SLACK",
        "2 * depth - 2 → 2 * depth + 2",
        "high * root_of((depth - 2) / (2 * depth - 2), depth) * (1 - SLACK) → high * root_of((depth - 2) / (2 * depth - 2), depth) / (1 - SLACK)",
    ],
    "return _bracketed_root(low, high * (1 + SLACK), target, reg, depth)": ["1 → 2"],
    "by_reg = (of_reg + depth - 1) // (2 * depth - 2)": ["1 → 2"],
    "highest = (of_reg - LOWEST_EXPONENT) // (2 * depth - 2)": ["2 → 3"],
    # All layers have stacks of one shape.
    "stack, inputs = shapes[0][:-2], shapes[0][-1]": ["0 → 1"],
    "return np.reshape(traces, checked[0].shape[:-2])": ["0 → 1"],
    # NumPy takes any negative length for the one that is left; and the matrix is symmetric.
    "return images.mT.reshape(rows * cols, -1).T": [
        "images.mT.reshape(rows * cols, -1).T → images.mT.reshape(rows * cols, -1)"
    ],
    # Another way to the same sum.
    "if matrices.ndim == 2:": ["2 → 3"],
    # What is not positive is NaN by then.
    "exists = np.where(gap > 0, 1.0, np.nan)": ["gap > 0 → gap >= 0"],
    # The scale of an empty sum.
    "top = max((exponent for term, exponent in terms if term), default=0)": ["0 → 1"],
    # A zero is divided by it.
    "root = np.where(target > 0, root_of(jump, depth), 1.0)": ["1.0 → 2.0"],
    "term = _flattest_term(seen, len(checked), nuclear, depth) or 1.0": ["1.0 → 2.0"],
    "return float(values[0]), float(np.abs(values).max() or 1), vectors[:, 0]": ["1 → 2"],
    # How far a Newton step may go: where it helps it is far shorter, where it harms far longer.
    "return np.where(np.abs(quotient - 1) < 1e-6, guess - guess * step, guess)": [
        "np.abs(quotient - 1) < 1e-06 → np.abs(quotient - 1) <= 1e-06",
        "1e-06 → 2e-06",
    ],
    "found[inside] = np.where(np.abs(step) < 1e-12 * w, w - step, w)": [
        "np.abs(step) < 1e-12 * w → np.abs(step) <= 1e-12 * w",
        "1e-12 * w → 1e-12 / w",
        "1e-12 → 2e-12",
    ],
    # At depth 2 the root is not used: s = m − λ w^0.
    "active = (depth > 2) & (reg > 0) & (target >= threshold)": ["depth > 2 → depth >= 2"],
    # Two ends that are equally near.
    "fold_end = np.where(np.abs(ends[0]) < np.abs(ends[1]), low, high)": [
        "np.abs(ends[0]) < np.abs(ends[1]) → np.abs(ends[0]) <= np.abs(ends[1])"
    ],
    # More products are kept than are used.
    "products = deque(_running_products(factor_list(factors), np.matmul), maxlen=1)": ["1 → 2"],
    # NumPy takes any negative length for the one that is left.
    "return self._matmat(np.reshape(vector, (-1, 1)))[:, 0]": ["1 → 2"],
    "return self._rmatmat(np.reshape(vector, (-1, 1)))[:, 0]": ["1 → 2"],
    # How near is equal: far above rounding in single precision, far below what another function does.
    "if outputs.shape != expected.T.shape or (abs(outputs - expected.T) > 1e-3 * size.T).any():": [
        "0.001 → 0.002"
    ],
    # Tuning: more half steps, whose gain is below rounding.
    "if abs(ratio - previous) <= LEAST_GAIN * ratio:": ["ratio - previous → ratio + previous"],
    # Rows and columns are equally many.
    "super().__init__(len(entries[0]), matrix_shape)": ["0 → 1"],
    "return EntrySampling(sides, places, float(np.sqrt(total / len(places[0]))))": ["0 → 1"],
    # Any numbers without a symmetry try an operator.
    "matrices = np.cos(np.arange(2.0 * operator.shape[1]) ** 1.5).reshape(2, *operator.matrix_shape)": [
        "np.arange(2.0 * operator.shape[1]) ** 1.5 → np.arange(2.0 * operator.shape[1]) * 1.5",
        "1.5 → 3.0",
    ],
    "values = np.sin(1 + np.arange(2.0 * operator.shape[0]) ** 1.5).reshape(2, -1)": [
        "1 + np.arange(2.0 * operator.shape[0]) ** 1.5 → 1 - np.arange(2.0 * operator.shape[0]) ** 1.5",
        "1 → 2",
        "np.arange(2.0 * operator.shape[0]) ** 1.5 → np.arange(2.0 * operator.shape[0]) * 1.5",
        "1.5 → 3.0",
    ],
    # Both have one shape.
    '_checked_result(operator, "measure", matrices[0], values[0].shape)': ["0 → 1"],
    '_checked_result(operator, "back", values[0], matrices[0].shape)': ["0 → 1"],
    # The product of two vectors commutes.
    "size = float(np.abs(ax) @ np.abs(y) + np.vdot(np.abs(x), np.abs(aty)))": [
        "np.abs(ax) @ np.abs(y) → np.abs(y) @ np.abs(ax)"
    ],
    "return float(self.values @ self.counts)": [
        "self.values @ self.counts → self.counts @ self.values"
    ],
    # Any number of columns asks for an adjoint.
    "linear.rmatmat(np.zeros((given.shape[0], 1)))": ["1 → 2"],
    # A Gram matrix is square.
    "return gram + self._damping * np.eye(gram.shape[-1])": ["1 → 2"],
    # Any number but zero, the step at which the first record is made.
    "self._recorded_at = -1": ["-1 → 1", "1 → 2"],
    # Tuning: another number of matrices at a time.
    "tile = max(1, BLOCK_ENTRIES // (size + count))": ["1 → 2"],
    # How small is zero: above rounding, far below what a singular value can mean.
    "rank = int((s > max(self.shape) * np.finfo(float).eps * s[0]).sum())": [
        "s > max(self.shape) * np.finfo(float).eps * s[0] → s >= max(self.shape) * np.finfo(float).eps * s[0]",
        "max → min",
    ],
    # Another unit in which the flow is neither fast nor slow, or one at the ends of float64.
    "self._unit = float(np.ldexp(1.0, np.clip(exponent, -1000, 1000)))": [
        "1.0 → 2.0",
        "1000 → 1001",
    ],
    # An infinite gradient makes an infinite step, which ends the run as well.
    "if not length < np.inf:": ["length < np.inf → length <= np.inf"],
    # How far is too far: beyond all digits, give or take none.
    "and leap > path / EPS": ["leap > path / EPS → leap >= path / EPS"],
    # A root that is found to one more digit, or at the end of its bracket.
    "return float(brentq(excess, 0, most, xtol=1e-15, rtol=1e-15))": ["1e-15 → 2e-15"],
    "return float(brentq(excess, last, second, xtol=1e-15))": ["1e-15 → 2e-15"],
    "if excess(most) <= 0:": ["excess(most) <= 0 → excess(most) < 0"],
    # Ends that just meet.
    "if not (last < second and excess(last) < 0):": [
        "last < second → last <= second",
        "excess(last) < 0 → excess(last) <= 0",
    ],
    "if not least <= 2 * reg:": ["least <= 2 * reg → least < 2 * reg"],
    # What is zero to rounding is made so, also where it is zero already.
    "return np.where(np.abs(values) <= resolution(modes.depth) * size[:, None], 0.0, values)": [
        "np.abs(values) <= resolution(modes.depth) * size[:, None] → np.abs(values) < resolution(modes.depth) * size[:, None]"
    ],
    "return float(16 * depth * np.finfo(float).eps)": ["16 → 17"],
    # Tuning: another number of blocks at a time.
    "step = max(1, TILE_ENTRIES // (2 * modes.depth) ** 2)": [
        "1 → 2",
        "2 → 3",
        "(2 * modes.depth) ** 2 → 2 * modes.depth * 2",
    ],
    # Another order of the same sorts, and sorts without members.
    "shape = np.c_[there[pairs.first], there[pairs.second], pairs.first == pairs.second]": [
        "pairs.first == pairs.second → pairs.first != pairs.second"
    ],
    "for sort in range(sorts.max(initial=-1) + 1):": ["-1 → 1", "1 → 2"],
    # Any negative number stands for none.
    "classes = np.full(size, -1)": ["1 → 2"],
    # All layers have one weight.
    "return self.problem.reg[0]": ["0 → 1"],
    # What is too many is cut off.
    "enough = int(np.searchsorted(np.cumsum(counts), number)) + 1": ["1 → 2"],
    # Only its sign counts.
    'values, vectors = end_of(self._modes, 1 if which == "largest" else -1, self._number(k))': [
        "1 → 2"
    ],
    'found = _end(point, 1, 0 if which == "smallest" else count)': ["1 → 2"],
    "lower = _end(point, -1, len(found) + count).items()": ["1 → 2"],
    # The opposite of an eigenvector is one.
    "direction[l] += np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column])": [
        "direction[l] += np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column]) → direction[l] -= np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column])"
    ],
    "blocks[l] += np.outer(value * self._column(l + 1, row), self._column(l, column))": [
        "blocks[l] += np.outer(value * self._column(l + 1, row), self._column(l, column)) → blocks[l] -= np.outer(value * self._column(l + 1, row), self._column(l, column))"
    ],
    # Tuning: another number of columns at a time.
    "columns = max(1, BLOCK_ENTRIES // sum(map(len, samples.values())))": ["1 → 2"],
    # Without inputs the loss is constant, whatever a layer's natural size.
    "natural = (of_target / of_inputs) ** (1 / len(factors)) if of_inputs else 0.0": ["0.0 → 1.0"],
    # A bound on errors is zero only where the residual is zero as well; no measured number meets another one exactly.
    "rank = int(np.count_nonzero(values > known))": ["values > known → values >= known"],
    "if rank and largest_left_out > values[rank - 1] + known + self.fit.error:": [
        "largest_left_out > values[rank - 1] + known + self.fit.error → largest_left_out >= values[rank - 1] + known + self.fit.error"
    ],
    "if _norm(coupling) <= _error(outer):": [
        "_norm(coupling) <= _error(outer) → _norm(coupling) < _error(outer)"
    ],
    "return bool(values[rank] > _error(self.layers[l + 1 : k]))": [
        "values[rank] > _error(self.layers[l + 1:k]) → values[rank] >= _error(self.layers[l + 1:k])"
    ],
    # Tuning: groups too small for the count yield nothing, later.
    "if count > available - start:": ["available - start → available + start"],
    # All layers have stacks of one shape, and all weights are equal there.
    "[self.losses(run) for run in units.single_runs], checked[0].shape[:-2]": ["0 → 1"],
    "stack = factors[0].shape[:-2]": ["0 → 1"],
    "reg = self.reg[0] if len(set(self.reg)) == 1 else self.reg": ["0 → 1"],
    # Tuning: the products are the same wherever the ring is cut.
    "work = 6 * columns * (sum(entries) - entries[cut] - entries[cut - 1])": ["6 → 7"],
    # Weights that are equal, entry by entry or as one number, which is that of any layer.
    "self._weights = 2 * (np.repeat(reg, sizes) if len(set(reg)) > 1 else reg[0])": [
        "len(set(reg)) > 1 → len(set(reg)) >= 1",
        "0 → 1",
    ],
    # Tuning: another size of the space, sooner or later enlarged or given up.
    "size = min(wanted + max(SUBSPACE, wanted), free)": ["max → min"],
    "restart = 0": ["0 → 1"],
    "restart += 1": ["1 → 2"],
    "spare = (len(values) - wanted) // (4 if low and high else 2)": ["4 → 5", "2 → 3"],
    "size = min(2 * size, free) if restart % PATIENCE == 0 and size < LARGEST else size": ["2 → 3"],
    # One sweep along all rows is enough but for rounding.
    "for rows in (known if j == first else known[-2:], known):": [
        "j == first → j != first",
        "2 → 3",
    ],
    "for rows in 2 * (self._locked, self.basis[: self._held]):": ["2 → 3"],
    # A direction that a full space is not extended by.
    "if self._held < self.basis.shape[1] - len(self._locked):": [
        "self._held < self.basis.shape[1] - len(self._locked) → self._held <= self.basis.shape[1] - len(self._locked)",
        "self.basis.shape[1] - len(self._locked) → self.basis.shape[1] + len(self._locked)",
    ],
    # Another memory for the same rows.
    "if size > len(self.basis):": ["size > len(self.basis) → size >= len(self.basis)"],
    # Zero has any unit.
    "p, q = (half + (unit if unit > SMALLEST_UNIT else 0) for unit in units)": ["0 → 1"],
    # Two ways that take equally many multiplications.
    "return widths[cut] * (widths[0] + widths[-1]) < widths[0] * widths[-1]": [
        "widths[cut] * (widths[0] + widths[-1]) < widths[0] * widths[-1] → widths[cut] * (widths[0] + widths[-1]) <= widths[0] * widths[-1]"
    ],
    # Tuning: other blocks of columns, which end with the last; and the Hessian is square.
    "while tile > min(len(directions) - start, max(1, TILE_ENTRIES // self.shape[0])):": [
        "min → max",
        "len(directions) - start → len(directions) + start",
        "1 → 2",
        "0 → 1",
    ],
    "tile //= 2": ["2 → 3"],
    # A block of one column is a column.
    "some = slice(start, start + tile) if tile > 1 else start": ["tile > 1 → tile >= 1"],
    # Tuning: when the matrix is decomposed.
    "if problem.size > max(DENSE, 4 * (low + high)):": ["4 → 5"],
    # The Hessian is square and symmetric.
    "size, rng = operator.shape[0], np.random.default_rng(0)": ["0 → 1"],
    "image = operator @ rng.standard_normal(size)": [
        "operator @ rng.standard_normal(size) → rng.standard_normal(size) @ operator"
    ],
    # How near is equal: in these units the norm is of order one, and what is too far is refused in the end.
    "if (_lags(rest.values, pairs.values, low) >= -ACCURACY * pairs.norm).all():": [
        "-ACCURACY * pairs.norm → -ACCURACY / pairs.norm"
    ],
    "return bool((residuals <= CONVERGED * norm).all())": ["CONVERGED * norm → CONVERGED / norm"],
    "return bool((residuals <= np.maximum(CONVERGED * norm, ASIDE * _lags(values, kept, low))).all())": [
        "CONVERGED * norm → CONVERGED / norm"
    ],
    # A bracket of the same root, and how near the search for it comes: far below what the weight resolves.
    "low, high = np.log(best) + RESOLUTION * np.array([-1, 1])": [
        "1 → 2",
        "RESOLUTION * np.array([-1, 1]) → RESOLUTION / np.array([-1, 1])",
    ],
    "best = float(np.exp(brentq(excess, low, high, xtol=4 * EPSILON)))": ["4 → 5"],
    # Tuning: ends further out, and an end that is the best one is approached from within.
    "ends = [(t, inverse(t)) for t in sorted({float(roots[0] ** -2.0), float(roots[-1] ** -2.0)})]": [
        "-2.0 → 2.0",
        "2.0 → 4.0",
    ],
    "best, place = min((u / t**a, t) for t, u in ends)": ["min → max"],
    # Tuning: the gap of an interval squares with each evaluation.
    "tolerance = 8 * EPSILON * sum(target.shape)": [
        "8 → 9",
        "8 * EPSILON * sum(target.shape) → 8 * EPSILON / sum(target.shape)",
    ],
    "if not queue or queue[0][0] >= best * (1 - tolerance):": [
        "queue[0][0] >= best * (1 - tolerance) → queue[0][0] > best * (1 - tolerance)"
    ],
    # All weights are equal.
    "yield 4 * reg[0], combinations_with_replacement(range(k), 2)": ["0 → 1"],
    # Equal sides have no longer one.
    "of_longer = reg[0] if widths[0] > widths[-1] else reg[-1]": [
        "widths[0] > widths[-1] → widths[0] >= widths[-1]"
    ],
    "longer = reg[0] if inactive[0] > inactive[-1] else reg[-1]": [
        "inactive[0] > inactive[-1] → inactive[0] >= inactive[-1]"
    ],
    # A position without a mode has no entry in the first layer or none in the last.
    "self.slope = 0.0 if mode is None else -2 * point._residuals[mode]": ["0.0 → 1.0"],
    # Tuning: tiles of another size.
    "alone, pair, entries = 1, 2, 1": ["1 → 2"],
    "alone, pair, entries = depth, depth + 1, 2 * depth * (depth + 1)": [
        "2 * depth * (depth + 1) → 2 * depth / (depth + 1)",
        "2 * depth → 2 / depth",
        "2 → 3",
        "depth + 1 → depth - 1",
        "1 → 2",
    ],
    "step = max(1, TILE_ENTRIES // (entries * (k - start + others)))": ["k - start → k + start"],
    # A pattern that repeats may repeat more often than it is read.
    "np.tile(np.arange(k, k + len(self._inactive)), stop - start),": [
        "stop - start → stop + start"
    ],
    # Tuning: one more search.
    "problem: Problem, starts: int = 3, rng: np.random.Generator | None = None": ["3 → 4"],
    # Zero in another unit.
    'return _fit(problem, zero, 0, np.inf, "critical weight")': ["0 → 1"],
    # A gap is closed to rounding or wide open, and the target of order one.
    "closed = reduced.value(best) - bound <= CLOSED * np.linalg.norm(target) ** 2": [
        "CLOSED * np.linalg.norm(target) ** 2 → CLOSED / np.linalg.norm(target) ** 2",
        "np.linalg.norm(target) ** 2 → np.linalg.norm(target) * 2",
        "2 → 3",
    ],
    "if gap <= CLOSED * np.linalg.norm(reduced.target) ** 2:": [
        "CLOSED * np.linalg.norm(reduced.target) ** 2 → CLOSED / np.linalg.norm(reduced.target) ** 2",
        "np.linalg.norm(reduced.target) ** 2 → np.linalg.norm(reduced.target) * 2",
        "2 → 3",
    ],
    # Of equal values either is the least.
    "if (value := reduced.value(matrix)) < least:": [
        "(value := reduced.value(matrix)) < least → (value := reduced.value(matrix)) <= least"
    ],
    # Tuning: more descents than are needed.
    "gap = least - reduced.dual_bound(best)": [
        "least - reduced.dual_bound(best) → least + reduced.dual_bound(best)"
    ],
    "if reduced.width == min(reduced.target.shape):": ["min → max"],
    "return max(convex.dual_bound(best), convex.dual_bound(_best(convex, 0, rng)))": ["0 → 1"],
    # Tuning: a hidden layer wider than the rank of what it lets through.
    "convex = replace(reduced, width=min(reduced.target.shape))": ["min → max"],
    "return replace(self, depth=2, width=min(self.target.shape), reg=weight)": ["min → max"],
    # How near is equal: some units in the last place, far below what inputs can mean.
    "self.roots[-1] > (1 - 8 * np.finfo(float).eps * len(self.roots)) * self.roots[0]": [
        "self.roots[-1] > (1 - 8 * np.finfo(float).eps * len(self.roots)) * self.roots[0] → self.roots[-1] >= (1 - 8 * np.finfo(float).eps * len(self.roots)) * self.roots[0]",
        "8 * np.finfo(float).eps * len(self.roots) → 8 * np.finfo(float).eps / len(self.roots)",
        "8 → 9",
    ],
    # Tuning: it halts before that.
    "for _ in range(self.width + 1):": ["1 → 2"],
    # A mode whose price is its gain to the bit.
    "worthwhile = kept & (values * (values * squares - 2 * pulls) + prices <= 0)": [
        "values * (values * squares - 2 * pulls) + prices <= 0 → values * (values * squares - 2 * pulls) + prices < 0"
    ],
    # Tuning: where local searches begin.
    "ridge = self.target * (self.roots / (self.roots**2 + self.reg))": [
        "self.target * (self.roots / (self.roots ** 2 + self.reg)) → self.target / (self.roots / (self.roots ** 2 + self.reg))",
        "self.roots ** 2 + self.reg → self.roots ** 2 - self.reg",
        "self.roots ** 2 → self.roots * 2",
        "2 → 3",
    ],
    "ranks = range(min(self.width, len(values)), 0, -1)": ["1 → 2"],
    "cut = [(left[:, :rank] * values[:rank]) @ right[:rank] for rank in ranks]": [
        "left[:, :rank] * values[:rank] → left[:, :rank] / values[:rank]"
    ],
    "size = np.linalg.norm(ridge) / np.sqrt(ridge.size)": [
        "np.linalg.norm(ridge) / np.sqrt(ridge.size) → np.linalg.norm(ridge) * np.sqrt(ridge.size)"
    ],
    "last = np.outer(self.target @ (self.roots * v), v) / np.linalg.norm(self.roots * v) ** 2": [
        "np.outer(self.target @ (self.roots * v), v) / np.linalg.norm(self.roots * v) ** 2 → np.outer(self.target @ (self.roots * v), v) * np.linalg.norm(self.roots * v) ** 2",
        "np.linalg.norm(self.roots * v) ** 2 → np.linalg.norm(self.roots * v) * 2",
        "2 → 3",
    ],
    "return [last, *cut, *(size * rng.standard_normal(ridge.shape) for _ in range(count))]": [
        "size * rng.standard_normal(ridge.shape) → size / rng.standard_normal(ridge.shape)"
    ],
    "for middle in factors[1:-1]:": ["1 → 2"],
    "start += DISTURBANCE * layer[0] * rng.standard_normal(len(start))": [
        "start += DISTURBANCE * layer[0] * rng.standard_normal(len(start)) → start -= DISTURBANCE * layer[0] * rng.standard_normal(len(start))",
        "DISTURBANCE * layer[0] → DISTURBANCE / layer[0]",
    ],
    # Tuning: when a local search halts, and how it shortens a Newton step.
    'options = {"maxiter": 200, "maxcor": 10, "ftol": 1e-13, "gtol": 1e-6}': [
        "200 → 201",
        "10 → 11",
        "1e-13 → 2e-13",
        "1e-06 → 2e-06",
    ],
    "across = sizes > NULL * sizes.max()  # not along the orbit": [
        "NULL * sizes.max() → NULL / sizes.max()",
        "sizes.max → sizes.min",
    ],
    "share, gain = 1.0, -float(slope @ step)": [
        "-float(slope @ step) → float(slope @ step)",
        "1.0 → 2.0",
        "slope @ step → step @ slope",
    ],
    "while share > 1e-4:": ["share > 0.0001 → share >= 0.0001", "0.0001 → 0.0002"],
    "flat = gain < 1e-12 * value and np.linalg.norm(after) < np.linalg.norm(slope) / 2": [
        "gain < 1e-12 * value → gain <= 1e-12 * value",
        "1e-12 * value → 1e-12 / value",
        "1e-12 → 2e-12",
        "np.linalg.norm(after) < np.linalg.norm(slope) / 2 → np.linalg.norm(after) <= np.linalg.norm(slope) / 2",
        "2 → 3",
        "np.linalg.norm(slope) / 2 → np.linalg.norm(slope) * 2",
    ],
    "if flat or lower < value - 0.1 * share * gain:": [
        "value - 0.1 * share * gain → value + 0.1 * share * gain",
        "lower < value - 0.1 * share * gain → lower <= value - 0.1 * share * gain",
        "0.1 * share → 0.1 / share",
        "0.1 → 0.2",
    ],
    "share /= 2": ["2 → 3"],
    # What is taken out of a sum without terms, or beside layers that need nothing, is not used.
    "first, taken = (factors[0], 0) if ordinary else normalized(factors[0])": ["0 → 1"],
    "top = max(present, default=0)": ["0 → 1"],
    "return FlattestSplit(0.0, 0, 0.0)": ["0 → 1"],
    # Tuning: how soon layers are levelled; either way long before a product leaves the range.
    "return abs(norm_exponent(layer)) + max(layer.shape).bit_length()": ["max → min"],
    # Products of two vectors, in the other order.
    "return LeadingPair(float(chain.weights @ terms), np.ones((1, 1)), np.ones((1, 1)))": [
        "chain.weights @ terms → terms @ chain.weights"
    ],
    "return float(moments @ v**2 - np.exp(-x) * np.sum((image @ v) ** 2))": [
        "moments @ v ** 2 → v ** 2 @ moments"
    ],
    "size, rate, length = float(np.abs(move).max()), float(basis.T @ slope @ move), 1.0": [
        "basis.T @ slope @ move → move @ (basis.T @ slope)"
    ],
    "return float(table.counts @ value), weights @ first, second": [
        "table.counts @ value → value @ table.counts"
    ],
    "value = trace + 0.5 * float(misfits @ (prices + self._multipliers))": [
        "misfits @ (prices + self._multipliers) → (prices + self._multipliers) @ misfits"
    ],
    # No further condition either: an error within its tolerance has a residual below the eigenvalue.
    "def leading_pair(chain: Chain, tolerance: float, residual: float = 1.0) -> LeadingPair:": [
        "1.0 → 2.0"
    ],
    # Tuning: the bound by the gap is asked for its sharpness, later or sooner.
    "error = min(norms[0], norms[0] ** 2 / gap) if gap > 0 else norms[0]": ["0 → 1"],
    # Bases that are not used; a square layer may be turned; a start that is zero stands for none.
    "layers, bases, tall = list(chain.layers), [np.eye(1), np.eye(1)], _tall(chain)": ["1 → 2"],
    "return len(last) > last.shape[1], chain.root is None and first.shape[1] > len(first)": [
        "len(last) > last.shape[1] → len(last) >= last.shape[1]",
        "first.shape[1] > len(first) → first.shape[1] >= len(first)",
    ],
    "guess = np.zeros((0, *slim_chain.sides))": ["0 → 1"],
    # A bracket may be wider, and ends where no number lies between its ends.
    "x = brentq(slope, low - 1, high + 1, xtol=1e-15, rtol=1e-15, maxiter=1000)": [
        "1 → 2",
        "1e-15 → 2e-15",
        "1000 → 1001",
    ],
    # Another power of two; tuning of the Lanczos method, which errs by less than it is asked.
    "exponent = 0  # no copy": ["0 → 1"],
    'left = eigsh(operator, k=1, which="LA", v0=start, tol=1e-13, ncv=16)[1]': [
        "1e-13 → 2e-13",
        "16 → 17",
    ],
    # All partial products of a side share that side.
    "sides = right[0].shape[1], len(left[-1])": ["0 → 1", "-1 → 1", "1 → 2"],
    # Tuning of Newton's method: how much descent is enough, how fast a step shrinks, when rounding is all.
    "full = size < QUADRATIC or -rate < 64 * EPS * abs(value)": [
        "-rate < 64 * EPS * abs(value) → -rate <= 64 * EPS * abs(value)",
        "64 * EPS * abs(value) → 64 * EPS / abs(value)",
        "64 → 65",
    ],
    "if full or expansion[0] <= value + 1e-4 * length * rate:": [
        "expansion[0] <= value + 0.0001 * length * rate → expansion[0] < value + 0.0001 * length * rate",
        "value + 0.0001 * length * rate → value - 0.0001 * length * rate",
        "0.0001 * length → 0.0001 / length",
        "0.0001 → 0.0002",
    ],
    "length /= 2": ["2 → 3"],
    "if before / 4 <= size < QUADRATIC:": ["4 → 5"],
    "if length < 1e-12:": ["length < 1e-12 → length <= 1e-12", "1e-12 → 2e-12"],
    # Another unit of exponentials, all of which are in range.
    "top = logs.max(axis=1)": ["logs.max → logs.min"],
    # A Gaussian matrix has no sign.
    "random = [w + DISTURBANCE * move for w, move in zip(near, random, strict=True)]": [
        "w + DISTURBANCE * move → w - DISTURBANCE * move"
    ],
    # Tuning of the augmented Lagrangian: other rounds to the same minimum.
    "self._multipliers, self._penalty = np.zeros(len(aims)), 10.0": ["10.0 → 20.0"],
    "misfit = 1.0": ["1.0 → 2.0"],
    "goal = float(np.clip(misfit / 30, 10 * tolerance, 1e-3))": [
        "misfit / 30 → misfit * 30",
        "30 → 31",
        "10 → 11",
        "0.001 → 0.002",
    ],
    "if misfit > REQUIRED_DECREASE * previous:": [
        "REQUIRED_DECREASE * previous → REQUIRED_DECREASE / previous"
    ],
    '"maxcor": 30,': ["30 → 31"],
    # A round that meets the misfit has been solved well enough for the stationarity.
    "if misfit <= tolerance and stationarity <= 100 * tolerance:": [
        "misfit <= tolerance → misfit < tolerance",
        "stationarity <= 100 * tolerance → stationarity < 100 * tolerance",
        "100 * tolerance → 100 / tolerance",
        "100 → 101",
    ],
    # Not negative, whatever it is, until the curvature is known.
    "stop = Stop(self._factors(point), misfit, stationarity, 0.0)": ["0.0 → 1.0"],
    # Constraints that are orthonormal as measurements have slopes of one order, far from dependent.
    "kept = values > DEPENDENT * values[-1]": [
        "DEPENDENT * values[-1] → DEPENDENT / values[-1]",
        "-1 → 1",
        "1 → 2",
    ],
    # A point of order one; a factor of all eigenvalues, which cancels.
    "step = DIFFERENCE * float(np.linalg.norm(point))": [
        "DIFFERENCE * float(np.linalg.norm(point)) → DIFFERENCE / float(np.linalg.norm(point))"
    ],
    "return along(change / (2 * step))": [
        "change / (2 * step) → change * (2 * step)",
        "2 * step → 2 / step",
        "2 → 3",
    ],
    "values, vectors = np.linalg.eigh((dense + dense.T) / 2)": [
        "(dense + dense.T) / 2 → (dense + dense.T) * 2",
        "dense.T → dense",
        "2 → 3",
    ],
    # The directions across the constraints have zero, up to rounding.
    "return min(value / size, 0.0), along(direction)": ["0.0 → 1.0"],
    # Tuning of the Lanczos method.
    'values, vectors = eigsh(shifted, k=1, which="LA", v0=start, tol=1e-7)': ["1e-07 → 2e-07"],
    # Twice what is not a number.
    "return np.nan, 1.0, np.zeros(size)": ["1.0 → 2.0"],
    # Square matrices; and tuning of Davidson's method: the start, the preconditioner and its bases, when to restart,
    # which residuals to follow. Another choice takes some products more.
    "left = _diagonalize(inner, [outer.shape[1] ** 0.5] * lone + [*norms[1][:-1]])": [
        "outer.shape[1] ** 0.5 → outer.shape[1] * 0.5",
        "1 → 2",
        "0.5 → 1.0",
    ],
    "right = _diagonalize(outer, [*norms[0][lone:], inner.shape[1] ** 0.5])": [
        "inner.shape[1] ** 0.5 → inner.shape[1] * 0.5",
        "1 → 2",
        "0.5 → 1.0",
    ],
    'diagonal += np.einsum("laa->a", inner[:lone])[:, None] + np.diagonal(outer[-1])': [
        "-1 → 1",
        "1 → 2",
    ],
    "shape, top = diagonal.shape, diagonal.max()": ["diagonal.max → diagonal.min"],
    "starts = _starts(diagonal, left.T @ guess @ right)": ["left.T → left"],
    "if held + 2 > len(basis):": ["held + 2 > len(basis) → held + 2 >= len(basis)", "2 → 3"],
    "wanted = 2 if 2 * norms[1] > values[0] - values[1] else 1": [
        "2 * norms[1] > values[0] - values[1] → 2 * norms[1] >= values[0] - values[1]",
        "2 * norms[1] → 2 / norms[1]",
        "0 → 1",
        "1 → 2",
        "2 → 3",
    ],
    "for rest in rests[: min(wanted, diagonal.size - held)]:": [
        "min → max",
        "diagonal.size - held → diagonal.size + held",
    ],
    "new = rest / (SHIFT * max(values[0], top) - diagonal.ravel())": [
        "SHIFT * max(values[0], top) - diagonal.ravel() → SHIFT * max(values[0], top) + diagonal.ravel()",
        "max → min",
        "0 → 1",
    ],
    "random *= 1e-3 + (diagonal / (diagonal.max() or 1)) ** 4": [
        "random *= 0.001 + (diagonal / (diagonal.max() or 1)) ** 4 → random /= 0.001 + (diagonal / (diagonal.max() or 1)) ** 4",
        "0.001 + (diagonal / (diagonal.max() or 1)) ** 4 → 0.001 - (diagonal / (diagonal.max() or 1)) ** 4",
        "0.001 → 0.002",
        "(diagonal / (diagonal.max() or 1)) ** 4 → diagonal / (diagonal.max() or 1) * 4",
        "1 → 2",
        "diagonal.max → diagonal.min",
        "4 → 5",
    ],
    # A third time nothing is left to remove; and the length is one by then.
    "for _ in range(2):  # twice, for what rounding left of them": ["2 → 3"],
    "return np.asarray(vector / np.linalg.norm(vector))": [
        "vector / np.linalg.norm(vector) → vector * np.linalg.norm(vector)"
    ],
    "vector = vector / np.linalg.norm(vector)": [
        "vector / np.linalg.norm(vector) → vector * np.linalg.norm(vector)"
    ],
    "random = rng.standard_normal((2, *diagonal.shape))": ["2 → 3"],
    # Tuning of the way down: how far to go, and on which side of a saddle, both of which lead down.
    "steps = [s * length * 0.5**j for j in range(HALVINGS) for s in (1, -1)]": [
        "s * length → s / length",
        "1 → 2",
        "-1 → 1",
    ],
    # A hidden unit that is zero has no sign: both sides of its saddle are alike.
    "values = [self._value(point + step * direction)[0] for step in steps]": [
        "point + step * direction → point - step * direction"
    ],
    "return np.asarray(point + steps[int(np.argmin(values))] * direction)": [
        "point + steps[int(np.argmin(values))] * direction → point - steps[int(np.argmin(values))] * direction"
    ],
    # Tuning of the Lanczos method: a shift that keeps zeros apart.
    "top = eigsh(whole, k=1, v0=start, tol=1e-2, return_eigenvectors=False)": ["0.01 → 0.02"],
    "bound = 1.1 * largest": ["1.1 * largest → 1.1 / largest", "1.1 → 2.2"],
    # Tuning of the growing bases: their first columns, how much they gain and keep, how well small problems are solved.
    "left = _Side(chain.layers, [1.0] * depth, ENRICH * depth)": [
        "ENRICH * depth → ENRICH / depth"
    ],
    "ritz, norm = np.zeros((0, left.columns, right.columns)), np.inf": ["0 → 1"],
    "core = _truncated(ritz[0], INNER * min(norm / values[0], 1) if values[0] > 0 else 0)": [
        "values[0] > 0 → values[0] >= 0",
        "0 → 1",
        "1 → 2",
    ],
    "values[0], rests = _rests(left, right, core)": ["0 → 1"],
    "if max(left.columns, right.columns) >= COLUMNS * depth:": [
        "max → min",
        "COLUMNS * depth → COLUMNS / depth",
    ],
    "turns = _leading_directions(ritz, negligible=INNER * norm / values[0])": ["0 → 1"],
    "side.enrich(rest, max(ENRICH * depth, int(GROWTH * core[0].shape[1])))": [
        "GROWTH * core[0].shape[1] → GROWTH / core[0].shape[1]",
        "0 → 1",
    ],
    "ritz = np.pad(ritz, [(0, 0), (0, more[0]), (0, more[1])])": ["0 → 1"],
    "random = np.random.default_rng(0).standard_normal((size, min(columns, size)))": ["min → max"],
    "count = min(most, len(rest) - self.columns, rest.shape[1])": [
        "min → max",
        "len(rest) - self.columns → len(rest) + self.columns",
    ],
    "return bool(norms[0] <= INNER * min(beyond, values[0]))": ["0 → 1"],
    "tails = np.sqrt(np.cumsum(weights[::-1] ** 2)[::-1])": [
        "weights[::-1] ** 2 → weights[::-1] * 2",
        "-1 → 1",
    ],
    "rank = max(int(np.count_nonzero(tails > negligible)), 1)": [
        "tails > negligible → tails >= negligible",
        "1 → 2",
    ],
    "weighted = [ritz[0], *(SECOND * ritz[1:])]": [
        "SECOND * ritz[1:] → SECOND / ritz[1:]",
        "1 → 2",
    ],
    # Any positive weights mix parts of all ranges.
    "mixed = (probes / np.where(norms > 0, norms, 1)).sum(axis=0)": [
        "probes / np.where(norms > 0, norms, 1) → probes * np.where(norms > 0, norms, 1)",
        "0 → 1",
        "1 → 2",
    ],
    # A unit vector without what is negligible has the length one.
    "return left[:, :rank] * (weights[:rank] / np.linalg.norm(weights[:rank])), right[:rank].T": [
        "weights[:rank] / np.linalg.norm(weights[:rank]) → weights[:rank] * np.linalg.norm(weights[:rank])"
    ],
    # Both sides have as many columns, and a square stack is as good as its triangular factor.
    "columns = core[0].shape[1]": ["0 → 1"],
    'return np.asarray(np.linalg.qr(stack, mode="r")) if len(stack) > stack.shape[1] else stack': [
        "len(stack) > stack.shape[1] → len(stack) >= stack.shape[1]"
    ],
    # A number that is measured never meets a bound exactly.
    "new = new[:, np.linalg.norm(new, axis=0) > 0.5]": [
        "np.linalg.norm(new, axis=0) > 0.5 → np.linalg.norm(new, axis=0) >= 0.5"
    ],
    "return left[:, left_values > negligible], right[right_values > negligible].T": [
        "left_values > negligible → left_values >= negligible",
        "right_values > negligible → right_values >= negligible",
    ],
    # The gap to the second counts less, or not at all, and the residual alone has to do; or it counts in full, without a
    # margin of safety for what the bases miss, which no matrix was found to need.
    "if settled(values, np.array([norm, DOUBT * (values[0] - values[-1])])):": [
        "values[0] - values[-1] → values[0] + values[-1]",
        "0 → 1",
        "-1 → 1",
        "1 → 2",
    ],
}
