"""The longer lines of :mod:`dmfbook.exact.statements`: hypotheses, and what theorems say."""

MODES = "critical and modes"
EQUAL = "critical and modes and not on_data and len(set(reg)) == 1"
PENALTY = "sum(reg[l]*d[l]*d[l + 1] for l in range(L))"
FITTED = "not modes and not any(reg) and fits"

# Both sides of each page's equation have one size: q is the number of columns of the target.
SMALL = """times_x(poly(hessian), d[L]*q) == times_x(
    poly(add(2, [kron(mul(T(B[l]), B[l]), mul(A[l], T(A[l]))) for l in range(L)])), N)"""

SMALL_RIVALS = {
    "the sum counts once": ("add(2, ", "add(1, "),
    "without the first layer": ("for l in range(L)", "for l in range(1, L)"),
    "the other products": (
        "kron(mul(T(B[l]), B[l]), mul(A[l], T(A[l])))",
        "kron(mul(T(B[0]), B[0]), mul(A[l], T(A[l])))",
    ),
}

CLOSED = """poly(hessian) == spectrum(
    [(4*lam, L - 1) for i in active]
  + [(2*L*w[i]**(2*L - 2) - 2*(L - 2)*lam, 1) for i in active]
  + [(0, L - 1) for i in active for j in active if i < j]
  + [(4*lam, L - 1) for i in active for j in active if i < j]
  + [(2*((sigma[i] + sigma[j])*(w[i]**L - w[j]**L))/(w[i]**2 - w[j]**2), 1)
     for i in active for j in active if i < j and w[i] != w[j]]
  + [(2*((sigma[i] - sigma[j])*(w[i]**L + w[j]**L))/(w[i]**2 - w[j]**2), 1)
     for i in active for j in active if i < j and w[i] != w[j]]
  + [(2*L*sigma[i]*w[i]**(L - 2), 1) for i in active for j in active if i < j and w[i] == w[j]]
  + [(2*L*w[i]**(2*L - 2) - 2*lam*(L - 2), 1) for i in active for j in active if i < j and w[i] == w[j]]
  + [(2*(sigma[i] + sigma[j])*w[i]**(L - 2), 1) for i in active for j in idle]
  + [(2*(sigma[i] - sigma[j])*w[i]**(L - 2), 1) for i in active for j in idle]
  + [(2*sigma[i]*w[i]**(L - 2), abs(d[0] - d[L])) for i in active]
  + [(0, sum(d[l] - k for l in range(1, L))) for i in active]
  + [(4*lam, sum(d[l] - k for l in range(1, L))) for i in active]
  + [(2*lam, sum((d[l] - k)*(d[l - 1] - k) for l in range(1, L + 1))) for n in range(L > 2)]
  + [(2*lam + 2*sigma[j], d[1] - k) for j in idle if L == 2]
  + [(2*lam - 2*sigma[j], d[1] - k) for j in idle if L == 2]
  + [(2*lam, (d[1] - k)*abs(d[0] - d[2])) for n in range(L == 2)])"""

BLOCKS = """all(entry(hessian, x, y) ==
    2*reg[l]*(x == y)
  + 2*(a == c)*(b == e)*prod(v[q][a] for q in range(k + 1, L))*prod(v[q][b] for q in range(k))
     *prod(v[q][a] for q in range(l + 1, L))*prod(v[q][b] for q in range(l))
  - 2*(k > l)*(a == e)*(b == c)*((sigma[a] if a < len(sigma) else 0) - prod(v[q][a] for q in range(L)))
     *prod(v[q][a] for q in range(k + 1, L))*prod(v[q][b] for q in range(l + 1, k))*prod(v[q][a] for q in range(l))
  - 2*(k < l)*(c == b)*(e == a)*((sigma[c] if c < len(sigma) else 0) - prod(v[q][c] for q in range(L)))
     *prod(v[q][c] for q in range(l + 1, L))*prod(v[q][e] for q in range(k + 1, l))*prod(v[q][c] for q in range(k))
  for x, (k, a, b) in enumerate(places) for y, (l, c, e) in enumerate(places))"""

INDEX = """index == (
    len(smaller)*(len(smaller) + 1)//2
  + len([i for i in active for j in idle if sigma[j] > sigma[i]])
  + len([i for i in smaller for j in active if sigma[i] > sigma[j] and j not in smaller])
  + (L == 2)*(d[1] - k)*len([j for j in idle if sigma[j] > lam])
) and nullity == (
    sum(k*(d[l] - k) + k*(k - 1)//2 for l in range(1, L))
  + len([i for i in active for j in idle if sigma[i] == sigma[j]])
  + len([i for i in active for j in active if sigma[i] == sigma[j] and w[i] < w[j]])
  + len(folded)*(len(folded) + 1)//2
  + (L == 2)*(d[1] - k)*len([j for j in idle if sigma[j] == lam]))"""

# At a critical point, in four parts: strict saddles; minimizers, whose Hessian is positive but along the orbit, whose
# dimension is known; global ones, by duality at depth 2 and against zero else; and saddles that are not strict, since
# on the ray (1 + t) W the first term of the loss is of third order.
KINDS = """(index > 0) == (
    any(sigma[j] > sigma[i] for i in active for j in idle)
    or len(smaller) > 0
    or (L == 2 and k < min(d) and any(sigma[j] > lam for j in idle))
) and (
    (L == 2 and k < d[1] and any(sigma[j] == lam for j in idle))
    or (index == 0 and nullity == sum(k*(d[l] - k) + k*(k - 1)//2 for l in range(1, L))
        + len([i for i in active for j in idle if sigma[j] == sigma[i]]))
    == (not any(sigma[j] > sigma[i] for i in active for j in idle)
        and len(smaller) == 0 and len(folded) == 0
        and (L > 2 or k == min(d) or all(sigma[j] <= lam for j in idle)))
) and (
    L > 2 or k == 0 or min(d) < min(d[0], d[2])
    or is_largest(mul(T(residual), residual), lam**2) == all(sigma[j] <= lam for j in idle)
) and (
    L == 2 or k != 1 or len(smaller) > 0
    or (square(target) < loss) == (sigma[active[0]]**(2*L - 2)*(L - 2)**(L - 2) < lam**L*(L - 1)**(2*L - 2))
) and (
    k == 0 or folded != active
    or ((2*L - 1)*square(end(factors)) + (loss - square(residual))/L
        == (L - 1)*sum(entry(mul(T(target), end(factors)), i, i) for i in range(q))
        and 2*(2*L - 1)*square(end(factors))
        != (L - 2)*sum(entry(mul(T(target), end(factors)), i, i) for i in range(q))))"""

KINDS_RIVALS = {
    "the order of the modes does not matter to saddles": (
        "    any(sigma[j] > sigma[i] for i in active for j in idle)\n    or",
        "    ",
    ),
    "the smaller root is as good": ("or len(smaller) > 0\n    or (L", "or (L"),
    "at depth 2 a mode above the weight may be left out": (
        "(L == 2 and k < min",
        "(L == 1 and k < min",
    ),
    "a bottleneck does not excuse what is left out": ("and k < min(d) and", "and"),
    "a point at the fold is a local minimizer": ("and len(folded) == 0", ""),
    "the order of the modes does not matter to minimizers": (
        "not any(sigma[j] > sigma[i] for i in active for j in idle)\n",
        "True\n",
    ),
    "a tie makes a saddle": ("(not any(sigma[j] > sigma", "(not any(sigma[j] >= sigma"),
    "at depth 2 a minimizer has no mode left out": (
        "all(sigma[j] <= lam for j in idle)))",
        "False))",
    ),
    "at depth 2 nothing inactive may reach the weight": (
        "== all(sigma[j] <= lam for j in idle)\n",
        "== all(sigma[j] < lam for j in idle)\n",
    ),
    "every local minimizer is global": (
        "sigma[active[0]]**(2*L - 2)*(L - 2)**(L - 2) < lam**L*(L - 1)**(2*L - 2)",
        "False",
    ),
    "zero is better from the fold on": (
        "sigma[active[0]]**(2*L - 2)*(L - 2)**(L - 2) < lam**L*(L - 1)**(2*L - 2)",
        "sigma[active[0]]**(2*L - 2)*L**L*(L - 2)**(L - 2) <= lam**L*(2*L - 2)**(2*L - 2)",
    ),
    "at the fold the loss falls to no order": ("        != (L - 2)", "        == (L - 2)"),
}

TRACE = f"""trace == 2*sum(
    (d[L] if l == L - 1 else sum(prod(lam/reg[q]*w[i]**2 for q in range(l + 1, L)) for i in active))
   *(d[0] if l == 0 else sum(prod(lam/reg[q]*w[i]**2 for q in range(l)) for i in active))
   for l in range(L)) + 2*{PENALTY}"""

BOUND = f"""((trace - 2*{PENALTY})**L >= (2*L)**L*d[0]*d[L]*sum(w[i]**L for i in active)**(2*L - 2)
    and (L > 2 or k == 0 or not critical or (d[0]*reg[0] == d[2]*reg[1]) ==
         ((trace - 2*{PENALTY})**2 == 16*d[0]*d[2]*sum(w[i]**2 for i in active)**2)))"""

SHARPEST = """is_largest(hessian, max(
    [2*L*w[0]**(2*L - 2) - 2*(L - 2)*lam, 4*lam]
  + [2*(sigma[0] + sigma[1])*sum(w[0]**(L - 1 - t)*w[1]**t for t in range(L))/(w[0] + w[1])
     for n in range(len(w) > 1)]))"""

SLOWEST = """is_least_positive(hessian, min(
    [4*lam, 2*L*w[k - 1]**(2*L - 2) - 2*(L - 2)*lam]
  + [2*(sigma[k - 1] - sigma[j])*w[k - 1]**(L - 2) for j in idle]
  + [2*lam - 2*(L == 2)*(max([sigma[j] for j in idle]) if idle else 0)
     for n in range(any(d[l] > k and d[l + 1] > k for l in range(L)))]))"""

SCALAR = """poly(hessian) == spectrum([
    (2*L*w[0]**(2*L - 2) - 2*(L - 2)*lam, 1),
    (4*lam, L - 1 + sum(d[l] - 1 for l in range(1, L))),
    (2*lam, sum((d[l] - 1)*(d[l - 1] - 1) for l in range(2, L))),
    (0, sum(d[l] - 1 for l in range(1, L)))])"""

MINIMIZER = (
    f"{EQUAL} and k > 0 and all(w[i] >= w[i + 1] for i in range(k - 1))"
    " and not smaller and not folded and all(sigma[i] >= sigma[i + 1] for i in range(len(w) - 1))"
    " and all(sigma[j] < sigma[k - 1] for j in idle)"
    " and (L > 2 or k == min(d) or all(sigma[j] < lam for j in idle))"
)
