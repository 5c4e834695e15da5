"""Owns the words that made-up types and functions are called by."""

TYPE_WORDS = [
    "Num", "Peano", "Count", "Chain", "Seq", "Stack", "Queue", "Bag", "Word", "Tree", "Bush", "Plant",
    "Shape", "Expr", "Prog", "Code", "Path", "Trail", "Row", "Col", "Deck", "Tower", "Beads", "String'",
    "Rope", "Heap", "Fork", "Knot", "Mesh", "Log", "Tape", "Scroll", "Step", "Level", "Signal", "Mode",
    "Form", "Item", "Plan", "Thing", "Kind'", "Term'", "Song", "Brick", "Wall", "Vine", "Root'", "Cell",
    "Grid", "Track", "Belt", "Pile", "Ring'", "Lst", "Nt", "Tr", "Bin", "Unary", "Digits",
]  # fmt: skip

FUNCTION_WORDS = [
    "foo", "bar", "baz", "twist", "weave", "shift", "blend", "spin", "merge'", "mix", "bump", "trim",
    "grow", "shrink", "lift", "drop'", "push'", "pull", "tick", "tock", "walk", "jump", "turn", "bend",
    "fold'", "unroll", "pack", "unpack", "mark", "clear'", "tag", "probe", "weigh", "score", "rate",
    "hash'", "test'", "check", "scan", "skim", "comb", "rake", "sow", "reap", "mill", "grind'", "press",
    "stamp", "glue", "cut'", "split'", "patch", "mend", "sew", "knit", "braid", "coil", "wind", "rise",
    "sink", "float'", "drift", "roll", "slide", "tilt", "lean'", "flip", "flop", "swap'", "step'",
    "hop", "skip'", "dash", "rush", "crawl", "f", "g", "h", "f1", "g1", "aux", "go", "loop", "iter",
    "run", "eval'", "interp", "exec", "norm", "reduce'", "simp'", "opt", "trans", "conv", "enc", "dec",
    "tr", "op", "act", "apply'", "measure", "rank'", "depth'", "width'", "area", "cost", "weight",
    "price", "fee", "gain", "loss", "share", "part", "piece", "half'", "quad", "triple", "tenfold",
    "next'", "prev'", "incr", "decr", "raise", "lower", "upd", "modify", "adjust", "tune", "rev'",
    "inv", "dual", "neg'", "compl", "opp", "flipAll", "bumpAll", "incAll",
]  # fmt: skip

KNOWN_WORDS = {
    "add": ["add", "plus", "sum'", "addN", "join"],
    "mul": ["mul", "times", "mult", "prod'"],
    "double": ["double", "dbl", "twice", "dup"],
    "even": ["even", "isEven", "evenB", "par"],
    "value": ["toNat", "value", "val", "count", "size"],
    "sumTo": ["sumTo", "sumUp", "gauss", "tri", "upTo"],
    "pow": ["pow", "power", "exp'", "pw"],
    "fact": ["fact", "factorial", "fac"],
    "append": ["append", "app", "cat", "concat", "join", "conc"],
    "reverse": ["reverse", "rev", "flip", "backwards", "turn"],
    "reverseOnto": ["revAcc", "revOnto", "reverseAux", "revAppend", "rv"],
    "length": ["length", "len", "size", "count", "card"],
    "lengthOnto": ["lenAcc", "lengthAux", "countOnto", "lenFrom"],
    "total": ["total", "sum", "sumAll", "addUp"],
    "map": ["mapInc", "bumpAll", "incAll", "scale", "mapF"],
    "atEnd": ["snoc", "atEnd", "addLast", "pushBack"],
    "twice": ["stutter", "dupAll", "twice", "doubleUp"],
    "count": ["count", "occurs", "times'", "howMany"],
    "member": ["member", "mem", "elem", "has", "contains"],
    "remove": ["remove", "del", "without", "erase'", "drop'"],
    "mirror": ["mirror", "flip", "swap", "reflect", "rev"],
    "size": ["size", "nodes", "count", "weight"],
    "height": ["height", "depth", "levels", "hgt"],
    "contents": ["total", "sumTree", "sum", "contents"],
    "flatten": ["flatten", "toList", "elems", "inorder", "values"],
}
"""Names of well-known functions, by our own names for them."""
